/**
 * Clients that mean no good, or do not know better: each costs the others nothing.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import {
  AuthenticationError,
  ChannelClosedError,
  Client,
  type Connection,
  type Listener,
  MessageTooLargeError,
  ProtocolError,
} from 'multiproc';
import { clean, ended, families, KEY, listening } from './socket-support.js';

for (const [family, options] of families) {
  test(
    `${family}: slow and silent clients are turned away after 5 s, and nobody waits for them  [fault 65]`,
    clean(async (t) => {
      const listener = await listening(t, { ...options, authKey: KEY });
      const silent = await raw(t, listener);
      const slow = await raw(t, listener);
      const proof = Buffer.from([0, 0, 0, 67, ...Buffer.from('MP1'), ...Buffer.alloc(64)]);
      let said = 0;
      const trickle = setInterval(() => slow.write(proof.subarray(said, ++said)), 300);
      t.after(() => clearInterval(trickle));
      await Promise.all([once(silent, 'data'), once(slow, 'data')]); // both were asked for their key
      for (let i = 0; i < 5; i++) await exchange(listener, `${i}`);
      assert.deepEqual(listener.stats(), { accepted: 5, refused: 0, pending: 2 });
      await Promise.all([ended(silent), ended(slow)]);
      clearInterval(trickle);
      await exchange(listener, 'afterwards');
      assert.deepEqual(listener.stats(), { accepted: 6, refused: 2, pending: 0 });
    }),
  );

  test(
    `${family}: a client that has not proved its key is read 256 bytes a message and 512 in all, and turned away for more  [fault 62]`,
    clean(async (t) => {
      const reasons: Error[] = [];
      const listener = await listening(t, { ...options, authKey: KEY, onRefused: (reason) => reasons.push(reason) });
      const header = (length: number) => {
        const bytes = Buffer.alloc(4);
        bytes.writeInt32BE(length);
        return bytes;
      };
      const long = Buffer.concat([header(-1), Buffer.from([0, 0, 0, 1, 0, 0, 0, 0])]);
      const value = Buffer.concat([header(-2 - 300), Buffer.alloc(300)]);
      // Each is turned away for what it announces, or for its second message: not by the deadline of the handshake.
      for (const first of [header(257), header(2 ** 31 - 1), long, value, Buffer.concat([header(256), Buffer.alloc(512)])]) {
        const socket = await raw(t, listener);
        socket.write(first);
        await ended(socket);
        assert.equal(reasons.at(-1)?.name, 'AuthenticationError');
      }
      assert.deepEqual(listener.stats(), { accepted: 0, refused: 5, pending: 0 });
      await exchange(listener, 'afterwards');
    }),
  );

  test(
    `${family}: those who have the key get in beside sixty who have not  [fault 62] [fault 63]`,
    clean(async (t) => {
      const reasons: string[] = [];
      const listener = await listening(t, { ...options, authKey: KEY, onRefused: (reason) => reasons.push(reason.name) });
      const wrong = Array.from({ length: 24 }, () =>
        Client(listener.address, { authKey: Buffer.from('another key of enough bytes') }),
      );
      const refusals = Promise.all(wrong.map((client) => assert.rejects(client, AuthenticationError)));
      const garbage = Promise.all(
        Array.from({ length: 36 }, async (_, i) => {
          const socket = await raw(t, listener);
          socket.end(i % 2 === 0 ? 'GET /manager HTTP/1.1\r\nhost: localhost\r\n\r\n' : Buffer.alloc(i * 50, i));
          await ended(socket);
        }),
      );
      for (let i = 0; i < 20; i++) await exchange(listener, `${i}`);
      await Promise.all([refusals, garbage]);
      const { accepted, refused, pending } = listener.stats();
      assert.deepEqual({ accepted, refused, pending }, { accepted: 20, refused: 60, pending: 0 });
      assert.equal(reasons.length, 60);
    }),
  );

  test(
    `${family}: who has the key and then sends garbage ends his own connection only  [fault 61] [fault 66]`,
    clean(async (t) => {
      const listener = await listening(t, { ...options, maxMessageBytes: 10_000 });
      const good = await Client<string>(listener.address);
      const goodServer = await listener.accept<string>();
      const outcomes: unknown[] = [];
      for (const bytes of HOSTILE) {
        const socket = await raw(t, listener);
        const server = await listener.accept();
        socket.end(bytes);
        outcomes.push(await server.recv(30_000).catch((error: Error) => error.constructor));
        await assert.rejects(server.recv(30_000), Error);
        server.close();
        await good.send('still here');
        assert.equal(await goodServer.recv(30_000), 'still here');
      }
      assert.deepEqual(outcomes, [MessageTooLargeError, MessageTooLargeError, ChannelClosedError, ChannelClosedError]);
      for (const end of [good, goodServer]) end.close();
    }),
  );
}

/** A length above the limit, one of 64 bits, one that never comes, part of a length. */
const HOSTILE: readonly Buffer[] = [
  Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 2, 3]),
  Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0, 0, 0x20, 0, 1, 2, 3]),
  Buffer.from([0, 0]),
];

test(
  'a value that is none is an error of that message, and the next one is read',
  clean(async (t) => {
    const listener = await listening(t);
    const socket = await raw(t, listener);
    const server: Connection = await listener.accept();
    const broken = Buffer.from([0xff, 0xff, 0xff, 0xfa, 0, 0xdc, 1, 2]);
    socket.end(Buffer.concat([broken, Buffer.from([0, 0, 0, 2]), Buffer.from('ok')]));
    await assert.rejects(server.recv(30_000), (error) => error instanceof Error && !(error instanceof ProtocolError));
    assert.equal(Buffer.from(await server.recvBytes(undefined, 30_000)).toString(), 'ok');
    server.close();
  }),
);

/** A client with the key sends a text, which the listener accepts and answers. */
async function exchange(listener: Listener, text: string): Promise<void> {
  const accepting = listener.accept<string>(30_000);
  const client = await Client<string>(listener.address, { authKey: KEY });
  await client.send(text);
  const server = await accepting;
  await server.send(`${await server.recv(30_000)} back`);
  assert.equal(await client.recv(30_000), `${text} back`);
  for (const end of [client, server]) end.close();
}

async function raw(t: TestContext, { address }: Listener): Promise<Socket> {
  const socket = typeof address === 'string' ? connect(address) : connect(address.port, address.host);
  socket.on('error', () => undefined);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}
