/**
 * Keys: who has one gets in, and nobody else disturbs anybody.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import {
  AuthenticationError,
  ChannelClosedError,
  Client,
  ClientSync,
  Listener,
  type ListenerOptions,
  Process,
  type ProcessError,
} from 'multiproc';
import { clean, connected, ended, families, KEY, listening } from './socket-support.js';

const WRONG = Buffer.from('another key of more than sixteen');

for (const [family, options] of families) {
  test(
    `${family}: both ends have the key: they talk; values and bytes  [L-06] [_TestListenerClient.test_listener_client]`,
    clean(async (t) => {
      const { client, server } = await connected(t, { ...options, authKey: KEY });
      await client.send({ hello: 'there' });
      assert.deepEqual(await server.recv(), { hello: 'there' });
      await server.sendBytes(Buffer.from('bytes'));
      assert.equal(Buffer.from(await client.recvBytes()).toString(), 'bytes');
    }),
  );

  test(
    `${family}: a wrong key is an AuthenticationError of the client; accept() goes on  [L-02] [L-06] [fault 63]`,
    clean(async (t) => {
      const refused: ProcessError[] = [];
      const listener = await listening(t, {
        ...options,
        authKey: KEY,
        onRefused: (reason) => refused.push(reason as ProcessError),
      });
      const accepting = listener.accept<string>();
      for (const authKey of [WRONG, new Uint8Array(0), KEY.subarray(1)]) {
        await assert.rejects(Client(listener.address, { authKey }), AuthenticationError);
      }
      const client = await Client<string>(listener.address, { authKey: KEY });
      const server = await accepting;
      await client.send('in');
      assert.equal(await server.recv(), 'in');
      assert.equal(listener.stats().refused, 3);
      assert.deepEqual(
        refused.map((reason) => reason.code),
        Array<string>(3).fill('ERR_MP_AUTHENTICATION'),
      );
      client.close();
      server.close();
    }),
  );

  test(
    `${family}: a client that knows its key is let in before anybody accepts`,
    clean(async (t) => {
      const listener = await listening(t, { ...options, authKey: KEY });
      const clients = [
        await Client<number>(listener.address, { authKey: KEY }),
        await Client<number>(listener.address, { authKey: KEY }),
      ];
      for (const [i, client] of clients.entries()) await client.send(i);
      for (let i = 0; i < 2; i++) {
        const server = await listener.accept<number>();
        assert.equal(await server.recv(), i);
        server.close();
      }
      for (const client of clients) client.close();
    }),
  );

  test(
    `${family}: garbage, HTTP, lengths that lie, early ends and silence disturb nobody  [fault 62] [fault 65]`,
    clean(async (t) => {
      const listener = await listening(t, { ...options, authKey: KEY });
      const accepting = listener.accept<number>();
      const said = [
        'GET / HTTP/1.1\r\nhost: x\r\n\r\n',
        Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 2, 3]),
        Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        Buffer.from([0xff, 0xff, 0xff, 0xfa, 0, 0xdc, 1, 2]), // a value
        Buffer.from([0, 0, 0, 0]),
        Buffer.from([0, 0, 0, 3, 0x4d, 0x50, 0x31]), // our dialog, cut short
        Buffer.concat([Buffer.from([0, 0, 1, 1]), Buffer.alloc(257)]),
        Buffer.alloc(100_000, 0x41),
        '',
      ];
      for (const bytes of said) {
        const raw = await rawClient(t, listener);
        const replies: Buffer[] = [];
        raw.on('data', (chunk: Buffer) => replies.push(chunk));
        raw.end(bytes);
        await ended(raw);
        // The challenge, and for a proof that is wrong one word; nothing that says who listens.
        assert.match(
          Buffer.concat(replies)
            .toString('latin1')
            .replaceAll(/[^ -~]/g, '.'),
          /^(....#CHALLENGE#\{sha256\}.{40}(....#FAILURE#)?)?$/,
        );
      }
      for (let i = 0; i < 10; i++) await rawClient(t, listener); // silent ones
      const client = await Client<number>(listener.address, { authKey: KEY });
      await client.send(1);
      const server = await accepting;
      assert.equal(await server.recv(), 1);
      assert.equal(listener.stats().refused, said.length);
      client.close();
      server.close();
    }),
  );

  test(
    `${family}: of more than 64 that prove themselves the oldest is turned away  [fault 65]`,
    clean(async (t) => {
      const listener = await listening(t, { ...options, authKey: KEY });
      const silent: Socket[] = [];
      for (let i = 0; i < 65; i++) {
        const raw = await rawClient(t, listener);
        silent.push(raw);
        await once(raw, 'data'); // its challenge: it is being examined
      }
      const [oldest] = silent as [Socket];
      await ended(oldest);
      assert.equal(listener.stats().pending, 64);
      const client = await Client(listener.address, { authKey: KEY });
      client.close();
    }),
  );

  test(
    `${family}: an empty key is a key  [_TestListener.test_empty_authkey]`,
    clean(async (t) => {
      const listener = await listening(t, { ...options, authKey: new Uint8Array(0) });
      await assert.rejects(Client(listener.address, { authKey: WRONG }), AuthenticationError);
      const client = await Client<number>(listener.address, { authKey: new Uint8Array(0) });
      await client.send(1729);
      const server = await listener.accept<number>();
      assert.equal(await server.recv(), 1729);
      client.close();
      server.close();
    }),
  );

  test(
    `${family}: blocking code proves its key`,
    clean(async (t) => {
      const listener = await listening(t, { ...options, authKey: KEY });
      const child = new Process({
        target: (address: Listener['address'], right: Uint8Array, wrong: Uint8Array) => {
          let refusal = '';
          try {
            ClientSync(address, { authKey: wrong });
          } catch (error) {
            refusal = (error as Error).name;
          }
          const client = ClientSync<string>(address, { authKey: right });
          client.sendSync(refusal);
          const answer = client.recvSync();
          client.close();
          return answer;
        },
        args: [listener.address, KEY, WRONG],
      });
      await child.start();
      const server = await listener.accept<string>(30_000);
      assert.equal(await server.recv(), 'AuthenticationError');
      await server.send('thanks');
      assert.equal(await child.result(), 'thanks');
      server.close();
    }),
  );
}

test(
  'an answer heard on the line is worth nothing the next time, nor is a question sent back  [fault 64]',
  clean(async (t) => {
    const listener = await listening(t, { authKey: KEY });
    const first = await tapped(t, listener, (connectTo) => Client(connectTo, { authKey: KEY }));
    first.connection?.close();
    const replay = await rawClient(t, listener);
    replay.write(first.sent);
    const answer = await allOf(replay);
    assert.match(answer.toString('latin1'), /#FAILURE#$/);
    const mirror = await rawClient(t, listener);
    mirror.once('data', (challenge) => mirror.write(challenge));
    assert.doesNotMatch((await allOf(mirror)).toString('latin1'), /WELCOME|MP1/);
    (await listener.accept()).close();
  }),
);

test(
  'a client notices a listener that does not have the key',
  clean(async (t) => {
    const { createServer } = await import('node:net');
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      const challenge = Buffer.concat([Buffer.from('#CHALLENGE#{sha256}mp1:node'), Buffer.alloc(32, 1)]);
      socket.write(Buffer.concat([Buffer.from([0, 0, 0, challenge.length]), challenge]));
      const verdict = Buffer.concat([Buffer.from('MP1'), Buffer.alloc(32, 2)]);
      socket.once('data', () => socket.end(Buffer.concat([Buffer.from([0, 0, 0, verdict.length]), verdict])));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    await assert.rejects(Client({ host: '127.0.0.1', port }, { authKey: KEY }), /does not have the key/);
  }),
);

test(
  'a client without a key does not get in; one with a key waits for a challenge',
  clean(async (t) => {
    const listener = await listening(t, { authKey: KEY });
    const client = await Client(listener.address);
    assert.match(Buffer.from(await client.recvBytes()).toString(), /^#CHALLENGE#/);
    await client.sendBytes(Buffer.from('let me in'));
    await assert.rejects(client.recvBytes(), ChannelClosedError);
    client.close();
  }),
);

test(
  'what can be reached from elsewhere needs a key of 16 bytes, where it has one  [fault 63]',
  clean(async (t) => {
    const open: ListenerOptions = { address: { host: '0.0.0.0' } };
    const listener = new Listener({ ...open, authKey: Buffer.alloc(15) });
    t.after(() => listener.close());
    await assert.rejects(listener.listen(), RangeError);
    assert.throws(() => listener.address);
  }),
);

/** A stream to a listener, without our framing. */
async function rawClient(t: TestContext, { address }: Listener): Promise<Socket> {
  const raw = typeof address === 'string' ? connect(address) : connect(address.port, address.host);
  raw.on('error', () => undefined);
  t.after(() => raw.destroy());
  await once(raw, 'connect');
  return raw;
}

async function allOf(raw: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  raw.on('data', (chunk: Buffer) => chunks.push(chunk));
  await ended(raw);
  return Buffer.concat(chunks);
}

/** Connects through a line that is listened in to. */
async function tapped<C>(t: TestContext, listener: Listener, connectTo: (address: { host: string; port: number }) => Promise<C>) {
  const { createServer } = await import('node:net');
  const sent: Buffer[] = [];
  const middle = createServer((socket) => {
    const onward = connect(listener.address as string);
    for (const each of [socket, onward]) each.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => sent.push(chunk));
    socket.pipe(onward).pipe(socket);
  });
  await once(middle.listen(0, '127.0.0.1'), 'listening');
  t.after(() => middle.close());
  const connection = await connectTo({ host: '127.0.0.1', port: (middle.address() as { port: number }).port });
  return { connection, sent: Buffer.concat(sent) };
}
