/**
 * Shared objects and sockets over a Unix-socket connection of a Listener and a Client between processes of one family.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { execFile } from 'node:child_process';
import { before, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import * as library from 'multiproc';
import {
  type Address,
  ChannelClosedError,
  Client,
  ClosedError,
  type Connection,
  Listener,
  Lock,
  Pipe,
  Queue,
  SerializationError,
  Value,
} from '#src/index.js';
import { withDeadline } from '../support/deadline.js';
import { eachKind, type Kind, startChild } from '../support/kinds.js';
import { leavesNothing } from '../support/census.js';
import { KEY, openAndClose } from './socket-support.js';
import { keepOnce, noneKept } from './sharing-support.js';

const LONG_MS = 60_000;

before(keepOnce);
const clean = (body: (t: TestContext) => Promise<void>) => leavesNothing(body, { warmUp: () => openAndClose(library) });

eachKind('a connection, a queue, a lock, a pipe and a value arrive usable over a Unix socket  [C-15] [C-16]', async (kind, t) => {
  const { here, child } = await talking(kind, t, async (there: Connection) => {
    const { queue, lock, pipe, connection, value } = (await there.recv()) as Shared;
    await lock.acquire();
    value.value = 5;
    await queue.put('from the child');
    assert.equal(await pipe.recv(), 'over the pipe');
    await connection.send(`you said ${await connection.recv()}`);
    await there.send('done');
    await there.recv();
    lock.release();
  });
  const [queue, lock, value] = [new Queue<string>(), new Lock(), new Value('i', 0)];
  const [pipe, given] = Pipe<string>();
  const { client, server } = await pairOfSockets(t);
  await here.send({ queue, lock, pipe: given, connection: server, value });
  given.close();
  server.close();
  assert.equal(await queue.get(LONG_MS), 'from the child');
  await pipe.send('over the pipe');
  await client.send('hello');
  assert.equal(await client.recv(LONG_MS), 'you said hello');
  assert.equal(await here.recv(LONG_MS), 'done');
  assert.deepEqual([lock.locked(), value.value], [true, 5]);
  await here.send('release it');
  await child.join(LONG_MS);
  assert.equal(lock.locked(), false);
  for (const each of [queue, pipe, here]) each.close();
  await noneKept();
});

eachKind('a socket and a server of node:net arrive usable over a Unix socket  [C-15]', async (kind, t) => {
  const { here, child } = await talking(kind, t, async (there: Connection) => {
    const socket = (await there.recv()) as Socket;
    socket.end('from the child');
    const server = (await there.recv()) as Server;
    server.on('connection', (each) => each.end('served by the child'));
    await there.send('serves');
    await there.recv();
    await new Promise((resolve) => server.close(resolve));
  });
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect(port, '127.0.0.1');
  const [socket] = await accepted;
  await here.send(socket);
  socket.destroy();
  assert.equal(await textOf(client), 'from the child');
  await here.send(server);
  server.close();
  assert.equal(await here.recv(LONG_MS), 'serves');
  assert.equal(await textOf(connect(port, '127.0.0.1')), 'served by the child');
  await here.send('end');
  await child.join(LONG_MS);
  here.close();
  await noneKept();
});

eachKind('what a child sends outlives it, also by blocking calls', async (kind, t) => {
  const { here, child } = await talking(kind, t, async (there: Connection) => {
    const queue = new Queue<string>();
    queue.putSync('in the queue');
    await there.send({ queue });
    there.sendSync([queue, new Lock()]);
    there.close();
  });
  const { queue } = (await here.recv(LONG_MS)) as { queue: Queue<string> };
  const [same, lock] = here.recvSync(LONG_MS) as [Queue<string>, Lock];
  await child.join(LONG_MS);
  assert.equal(same, queue);
  assert.equal(await queue.get(LONG_MS), 'in the queue');
  await lock.acquire();
  lock.release();
  await assert.rejects(here.recv(LONG_MS), ChannelClosedError);
  here.close();
  queue.close();
  await noneKept();
});

eachKind('a sender that is killed takes back what nobody received; what was received stays', async (kind, t) => {
  const written = new Value('i', 0);
  const { here, child } = await talking(
    kind,
    t,
    async (there: Connection, flag: Value<'i'>) => {
      await there.send([new Lock()]);
      const listener = await new Listener({ address: {} }).listen(); // no file of it is left
      void there.send(await Client(listener.address)).catch(() => undefined);
      await there.send('behind it');
      flag.value = 1;
      await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
    },
    written,
  );
  const [lock] = (await here.recv(LONG_MS)) as [Lock];
  const isWritten = async () => {
    while (written.value === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await withDeadline(isWritten(), LONG_MS, 'the message');
  child.kill();
  await child.join(LONG_MS);
  await assert.rejects(here.recv(LONG_MS), { name: 'DeserializationError', message: /closed the connection, or ended/ });
  assert.equal(await here.recv(LONG_MS), 'behind it');
  await assert.rejects(here.recv(LONG_MS), ChannelClosedError);
  await lock.acquire();
  lock.release();
  here.close();
  await noneKept();
});

eachKind('a receiver that ends unread gives all back, killed or not, and its sender learns of it', async (kind, t) => {
  for (const end of ['close', 'kill'] as const) {
    const { here, child } = await talking(kind, t, async (there: Connection) => {
      await there.send('here');
      await new Promise((resolve) => setTimeout(resolve, 2 ** 30, there));
    });
    assert.equal(await here.recv(LONG_MS), 'here');
    const { client } = await pairOfSockets(t);
    const sending = here.send({ client, queue: new Queue() });
    // Within one process send() waits for nobody; what becomes of the message is the same.
    const refused = kind.separate ? assert.rejects(sending, end === 'kill' ? ChannelClosedError : ClosedError) : sending;
    if (end === 'close') here.close();
    else child.kill();
    await withDeadline(refused, LONG_MS, 'the end of send()');
    child.kill();
    await child.join(LONG_MS);
    here.close();
    client.close();
    await noneKept();
  }
});

test(
  'both ends in one thread: the very object arrives, also after the sender has closed its end; unread ones are given back',
  clean(async (t) => {
    const { client, server } = await pairOfSockets<unknown>(t);
    const [lock, queue] = [new Lock(), new Queue()];
    await client.send({ lock });
    assert.equal(((await server.recv()) as { lock: Lock }).lock, lock);
    server.sendSync([queue, queue]);
    assert.deepEqual(client.recvSync(), [queue, queue]);
    const carried = await pairOfSockets(t);
    await client.send(carried.client);
    await client.send('last');
    client.close();
    carried.client.close();
    const arrived = (await server.recv()) as Connection;
    await arrived.send('usable');
    assert.equal(await carried.server.recv(), 'usable');
    arrived.close();
    assert.equal(await server.recv(), 'last');
    await assert.rejects(server.recv(LONG_MS), ChannelClosedError);
    const unread = await pairOfSockets<unknown>(t);
    await unread.client.send(carried.server);
    unread.client.close();
    unread.server.close();
    carried.server.close();
    queue.close();
    await noneKept();
  }),
);

test(
  'who closes a connection while it receives may end, though nobody has received what it sent',
  clean(async (t) => {
    const program = `
      const { Client, Listener, Lock } = await import(process.argv[1]);
      const listener = await new Listener().listen();
      const [client, server] = await Promise.all([Client(listener.address), listener.accept()]);
      listener.close();
      const receiving = client.recv().catch(({ name }) => name);
      await client.send(new Lock());
      client.close();
      console.log(await receiving);
      globalThis.server = server;
    `;
    const given = ['--input-type=module', '-e', program, import.meta.resolve('#src/index.js')];
    const run = promisify(execFile)(process.execPath, given, { timeout: LONG_MS, signal: t.signal });
    assert.equal((await run).stdout, 'ClosedError\n');
  }),
);

test(
  'a stranger that has the key gets no shared objects and gives none; nor does anybody over TCP  [fault 61]',
  clean(async (t) => {
    const listener = await new Listener({ authKey: KEY }).listen();
    t.after(() => listener.close());
    const program = `
      import { Client, Listener, Queue } from 'multiproc';
      const there = await Client(process.argv[1], { authKey: Buffer.from(process.argv[2], 'hex') });
      const own = await new Listener().listen();
      const client = await Client(own.address);
      for (const value of [new Queue(), client]) await there.send(await there.send({ value }).catch(({ name, path, message }) => [name, path, message]));
      await there.recv();
      process.exit();
    `;
    const run = promisify(execFile)(process.execPath, [
      '--input-type=module',
      '-e',
      program,
      listener.address as string,
      Buffer.from(KEY).toString('hex'),
    ]);
    const here = await listener.accept(LONG_MS);
    t.after(() => here.close());
    const { client, server } = await pairOfSockets(t);
    for (let left = 2; left > 0; left--) {
      const [name, path, message] = (await here.recv(LONG_MS)) as string[];
      assert.deepEqual([name, path], ['SerializationError', 'value.value']);
      assert.match(String(message), /only the processes and threads of one family share it/);
    }
    for (const value of [new Queue(), server, createServer()])
      await assert.rejects(here.send([value]), (error) => error instanceof SerializationError && error.path === 'value[0]');
    const tcp = await new Listener({ address: {} }).listen();
    t.after(() => tcp.close());
    const over = await Client<unknown>(tcp.address);
    t.after(() => over.close());
    await assert.rejects(over.send(client), SerializationError);
    await here.send('end');
    await run;
    await noneKept();
  }),
);

test(
  'a message that pretends to have shared objects is refused, and its connection goes on  [fault 61]',
  clean(async (t) => {
    const listener = await new Listener({ authKey: KEY }).listen();
    t.after(() => listener.close());
    const { client, server } = await pairOfSockets<unknown>(t);
    await client.send(new Lock()); // what it pretends to be is there, with the same number in the table
    const program = `
      const [index, frames, connections, address, key] = process.argv.slice(1);
      const { Client, Queue } = await import(index);
      const { frameParcel } = await import(frames);
      const { Connection } = await import(connections);
      const there = await Client(address, { authKey: Buffer.from(key, 'hex') });
      const pretended = frameParcel(new Queue(), 2 ** 20);
      void Connection.transportOf(there).send(pretended).catch(() => undefined);
      await there.send('behind it');
      await there.recv();
      process.exit();
    `;
    const urls = ['index', 'channel/socket-message', 'channel/connection'].map((name) => import.meta.resolve(`#src/${name}.js`));
    const given = [...urls, listener.address as string, Buffer.from(KEY).toString('hex')];
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, ...given]);
    const here = await listener.accept(LONG_MS);
    t.after(() => here.close());
    await assert.rejects(here.recv(LONG_MS), {
      name: 'DeserializationError',
      message: /no living process of this family sent it/,
    });
    assert.equal(await here.recv(LONG_MS), 'behind it');
    await here.send('end');
    await run;
    for (const each of [client, server]) each.close();
    await noneKept();
  }),
);

interface Shared {
  queue: Queue<string>;
  lock: Lock;
  pipe: Connection<string>;
  connection: Connection<string>;
  value: Value<'i'>;
}

/** A child that connects to a listener here by its path, and our end. */
async function talking<A extends unknown[]>(
  kind: Kind,
  t: TestContext,
  body: (there: Connection, ...args: A) => Promise<void>,
  ...args: A
) {
  const listener = await new Listener({ authKey: KEY }).listen();
  t.after(() => listener.close());
  const run = async (to: Address, authKey: Uint8Array, then: typeof body, ...rest: A) => {
    const there = await Client(to, { authKey });
    await then(there, ...rest);
    there.close();
  };
  const child = await startChild(kind, t, run, [listener.address, KEY, body, ...args]);
  const here = await listener.accept(LONG_MS);
  t.after(() => here.close());
  return { here, child };
}

async function pairOfSockets<T = string>(t: TestContext) {
  const listener = await new Listener().listen();
  const [client, server] = await Promise.all([Client<T>(listener.address), listener.accept<T>()]);
  listener.close();
  t.after(() => [client, server].forEach((each) => each.close()));
  return { client, server };
}

async function textOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk;
  return text;
}
