/**
 * Sockets and servers of node:net that are sent to other processes and threads.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net';
import { before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { Pipe, Queue, SerializationError } from '#src/index.js';
import { eachKind, startChild } from '../support/kinds.js';
import { clean } from './conformance-support.js';
import { keepOnce, noneKept } from './sharing-support.js';

before(keepOnce);

for (const way of ['argument', 'queue', 'pipe'] as const) {
  eachKind(
    `a socket of node:net arrives usable, with what came before  [${way}] [_TestPicklingConnections.test_pickling] [C-15]`,
    async (kind, t) => {
      const { client, server } = await sockets(t);
      client.write('early ');
      await arrived(server);
      const answer = async (socket: Socket) => {
        let text = '';
        for await (const chunk of socket.setEncoding('utf8').iterator({ destroyOnReturn: false }) as AsyncIterable<string>) {
          text += chunk;
          if (text.endsWith('.')) break;
        }
        socket.end(text.toUpperCase());
        await new Promise((resolve) => socket.once('close', resolve));
      };
      const queue = new Queue<Socket>();
      const [here, there] = Pipe<Socket>();
      t.after(() => [queue, here, there].forEach((each) => each.close()));
      if (way === 'queue') await queue.put(server);
      if (way === 'pipe') await here.send(server);
      const child =
        way === 'argument'
          ? await startChild(kind, t, answer, [server])
          : way === 'queue'
            ? await startChild(kind, t, async (from: Queue<Socket>, run: typeof answer) => run(await from.get()), [queue, answer])
            : await startChild(kind, t, async (from: typeof there, run: typeof answer) => run(await from.recv()), [
                there,
                answer,
              ]);
      server.destroy();
      client.end('late.');
      assert.equal(await textOf(client), 'EARLY LATE.');
      await child.join(60_000);
      await noneKept();
    },
  );
}

eachKind('a server of node:net is served by a child, and by both while both have it  [C-15]', async (kind, t) => {
  const server = createServer((socket) => socket.end('parent')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const [here, there] = Pipe<Server | string>();
  t.after(() => here.close());
  const serve = async (pipe: typeof there) => {
    const own = (await pipe.recv()) as Server;
    own.on('connection', (socket) => socket.end('child'));
    await pipe.send(JSON.stringify(own.address()));
    assert.equal(await pipe.recv(), 'end');
    own.close();
    pipe.close();
  };
  await startChild(kind, t, serve, [there]);
  there.close();
  await here.send(server);
  assert.deepEqual(JSON.parse((await here.recv(60_000)) as string), server.address());
  const { port } = server.address() as AddressInfo;
  server.close();
  for (let i = 0; i < 3; i++) assert.equal(await textOf(connect(port, '127.0.0.1')), 'child');
  await here.send('end');
  await assert.rejects(here.recv(60_000));
  await noneKept();
  const refused = connect(port, '127.0.0.1');
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
});

test(
  'sockets and servers that cannot be sent are a SerializationError that says why',
  clean(async (t) => {
    const [here, there] = Pipe();
    t.after(() => [here, there].forEach((end) => end.close()));
    const { server } = await sockets(t);
    const refused = (reason: RegExp) => (error: unknown) =>
      error instanceof SerializationError && error.path === 'value.it' && reason.test(error.message);
    const send = (it: unknown) => here.send({ it });
    await assert.rejects(send(new Socket()), refused(/a socket that is not open/));
    await assert.rejects(send(createServer()), refused(/a server that is not open/));
    const secure = new TLSSocket(server);
    await assert.rejects(send(secure), refused(/a stream of TLS/));
    secure.destroy();
    const { server: full } = await sockets(t);
    full.write(Buffer.alloc(2 ** 24));
    await assert.rejects(send(full), refused(/bytes yet to write/));
    full.destroy();
    await assert.rejects(send(full), refused(/a socket that is not open/));
    await noneKept();
  }),
);

async function sockets(t: TestContext): Promise<{ client: Socket; server: Socket }> {
  const listening = createServer().listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const client = connect((listening.address() as AddressInfo).port, '127.0.0.1');
  const [server] = (await once(listening, 'connection')) as [Socket];
  listening.close();
  t.after(() => {
    client.destroy();
    server.destroy();
  });
  return { client, server };
}

/** Bytes are in the socket's own buffer. */
async function arrived(socket: Socket): Promise<void> {
  for (let left = 1000; socket.readableLength === 0 && left > 0; left--) await sleep(10);
}

async function textOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
  return text;
}
