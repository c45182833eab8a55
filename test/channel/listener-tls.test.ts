/**
 * Listener and Client over TLS.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  AuthenticationError,
  ChannelClosedError,
  Client,
  ClientSync,
  InvalidStateError,
  type TlsOptions,
  waitReady,
} from 'multiproc';
import { CA, CLIENT_TLS, KNOWN_CLIENT_TLS, LISTENER_TLS } from '../support/tls.js';
import { clean, KEY, listening } from './socket-support.js';

const address = { host: '127.0.0.1' };

test(
  'values and bytes of any size go both ways; the end is seen after all that was sent',
  clean(async (t) => {
    const { client, server } = await secured(t, { ...LISTENER_TLS }, CLIENT_TLS, KEY);
    const values = [1, 'text', new Map([['k', [1, 2]]]), 'x'.repeat(3_000_000)];
    for (const value of values) {
      const [, received] = await Promise.all([client.send(value), server.recv()]);
      assert.deepEqual(received, value);
    }
    const bytes = Buffer.alloc(5_000_000, 9);
    const sending = server.sendBytes(bytes);
    assert.ok(bytes.equals(await client.recvBytes()));
    await sending;
    await server.send('last');
    server.close();
    const received: unknown[] = [];
    for await (const value of client) received.push(value);
    assert.deepEqual(received, ['last']);
    await assert.rejects(client.recv(), ChannelClosedError);
  }),
);

test(
  'poll() and waitReady() see what came and the end',
  clean(async (t) => {
    const { client, server } = await secured(t, LISTENER_TLS, CLIENT_TLS);
    assert.equal(await client.poll(), false);
    assert.deepEqual(await waitReady([client], 5), []);
    const waiting = waitReady([client]);
    await server.send(1);
    assert.deepEqual(await waiting, [client]);
    assert.equal(await client.recv(), 1);
    const end = client.poll(30_000);
    server.close();
    assert.equal(await end, true);
  }),
);

test(
  'a certificate that is not signed by ca, or is of another name, is refused: AuthenticationError',
  clean(async (t) => {
    const listener = await listening(t, { address, tls: LISTENER_TLS });
    const accepting = listener.accept(30_000);
    await assert.rejects(Client(listener.address, { tls: {} }), AuthenticationError);
    await assert.rejects(Client(listener.address, { tls: { ca: CA, servername: 'other.test' } }), AuthenticationError);
    const client = await Client<number>(listener.address, { tls: { ca: CA, servername: 'listener.test' } });
    await client.send(1);
    const server = await accepting;
    assert.equal(await server.recv(), 1);
    client.close();
    server.close();
  }),
);

test(
  'a listener that asks for certificates takes clients that have one',
  clean(async (t) => {
    const listener = await listening(t, { address, tls: { ...LISTENER_TLS, ca: CA, requestCert: true } });
    const client = await Client<number>(listener.address, { tls: KNOWN_CLIENT_TLS });
    const server = await listener.accept<number>(30_000);
    await server.send(1);
    assert.equal(await client.recv(), 1);
    client.close();
    server.close();
    // In TLS 1.3 a client learns that it was refused with the first thing it reads.
    const bare = await Client(listener.address, { tls: CLIENT_TLS }).catch(() => undefined);
    await assert.rejects(
      async () => (bare === undefined ? Promise.reject(new AuthenticationError('at once')) : bare.recv()),
      /end|closed|broke|at once/,
    );
    bare?.close();
    assert.equal(listener.stats().accepted, 1);
  }),
);

test(
  'who speaks no TLS disturbs nobody, at either end',
  clean(async (t) => {
    const listener = await listening(t, { address, tls: LISTENER_TLS, authKey: KEY });
    const accepting = listener.accept<number>(30_000);
    await assert.rejects(Client(listener.address, { authKey: KEY, timeout: 300 }));
    const plain = await Client(listener.address);
    await plain.send({ not: 'TLS' });
    await assert.rejects(plain.recv());
    plain.close();
    const client = await Client<number>(listener.address, { tls: CLIENT_TLS, authKey: KEY });
    await client.send(1);
    const server = await accepting;
    assert.equal(await server.recv(), 1);
    client.close();
    server.close();
    const other = await listening(t, { address });
    await assert.rejects(Client(other.address, { tls: CLIENT_TLS, timeout: 100 }));
  }),
);

test(
  'keys are proved within TLS, too, and for this very stream',
  clean(async (t) => {
    const listener = await listening(t, { address, tls: LISTENER_TLS, authKey: KEY });
    await assert.rejects(Client(listener.address, { tls: CLIENT_TLS, authKey: Buffer.from('wrong') }), AuthenticationError);
    const unix = await listening(t, { tls: LISTENER_TLS, authKey: KEY });
    const client = await Client(unix.address, { tls: { ca: CA, servername: 'listener.test' }, authKey: KEY });
    client.close();
  }),
);

test(
  'blocking calls of a connection of Client() say that TLS needs the event loop',
  clean(async (t) => {
    const { client, server } = await secured(t, LISTENER_TLS, CLIENT_TLS);
    assert.throws(() => client.recvSync(10), InvalidStateError);
    client.sendSync('fits');
    assert.equal(await server.recv(), 'fits');
  }),
);

test(
  'a key or certificate that cannot be used, and none at all, is a TypeError of listen() and Client()',
  clean(async (t) => {
    const unusable = { name: 'TypeError', message: /^Cannot listen: an option of tls cannot be used: .*no start line/ };
    await assert.rejects(listening(t, { address, tls: { key: 'no key', cert: 'no certificate' } }), unusable);
    await assert.rejects(listening(t, { address, tls: {} }), /^TypeError: Cannot listen: tls needs the key and the certificate/);
    const listener = await listening(t, { address, tls: LISTENER_TLS });
    const tls = { ...CLIENT_TLS, key: 'no key', cert: 'no certificate' };
    const refused = { name: 'TypeError', message: /^Cannot connect: an option of tls cannot be used: .*no start line/ };
    await assert.rejects(Client(listener.address, { tls }), refused);
    assert.throws(() => ClientSync(listener.address, { tls }), refused);
    await assert.rejects(listening(t, { address, tls: 5 as never }), TypeError);
  }),
);

async function secured(t: TestContext, tls: TlsOptions, clientTls: TlsOptions, authKey?: Uint8Array) {
  const listener = await listening(t, { address, tls, authKey });
  const [client, server] = await Promise.all([Client(listener.address, { tls: clientTls, authKey }), listener.accept(30_000)]);
  t.after(() => {
    client.close();
    server.close();
  });
  return { client, server };
}
