/**
 * Blocking code over TLS, which a thread relays: ClientSync and its connections.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  type Address,
  ChannelClosedError,
  Client,
  type ClientOptions,
  ClientSync,
  type Connection,
  Listener,
  type ListenerOptions,
  Queue,
  Thread,
  type TlsOptions,
} from 'multiproc';
import { CA, CLIENT_TLS, LISTENER_TLS } from '../support/tls.js';
import { clean, KEY } from './socket-support.js';

const address = { host: '127.0.0.1' };
const LONG_MS = 30_000;

test(
  'ClientSync() over TLS: blocking code sends and receives; what was sent before close() arrives, and then the end',
  clean(async (t) => {
    const echo = await echoing(t, { address, tls: LISTENER_TLS, authKey: KEY });
    const client = ClientSync(echo, { tls: CLIENT_TLS, authKey: KEY });
    t.after(() => client.close());
    const long = Buffer.alloc(5_000_000, 9);
    client.sendSync(['value']);
    assert.deepEqual(client.recvSync(LONG_MS), ['value']);
    client.sendSync(long);
    assert.ok(long.equals(client.recvSync(LONG_MS) as Uint8Array));
    assert.equal(client.pollSync(1), false);
    await client.send('in the event loop');
    assert.equal(await client.recv(), 'in the event loop');
    assert.throws(() => new Queue().putNowait(client), { name: 'SerializationError', message: /over TLS/ });
    client.sendSync('end');
    assert.throws(() => client.recvSync(LONG_MS), ChannelClosedError);
  }),
);

test(
  'ClientSync() over TLS is refused with the errors of Client(): certificates, names, keys, and what is no TLS',
  clean(async (t) => {
    const echo = await echoing(t, { address, tls: LISTENER_TLS, authKey: KEY });
    const plain = await echoing(t, { address });
    const cases: [to: Address, options: ClientOptions][] = [
      [echo, { tls: {}, authKey: KEY }],
      [echo, { tls: { ca: CA, servername: 'another.test' }, authKey: KEY }],
      [echo, { tls: CLIENT_TLS, authKey: Buffer.from('another key, long enough') }],
      [echo, { tls: { ca: 'no certificate' }, authKey: KEY }],
      [echo, { tls: { ...CLIENT_TLS, minVersion: 'TLSv9' as never }, authKey: KEY }],
    ];
    for (const [to, options] of cases) {
      const error = await failure(() => Client(to, options));
      const blocking = await failure(() => ClientSync(to, options));
      assert.deepEqual([blocking.name, blocking.message], [error.name, error.message]);
    }
    for (const connect of [Client, ClientSync])
      await assert.rejects(async () => connect(plain, { tls: CLIENT_TLS, timeout: 300 }), { message: /TLS/ });
    const refused = { tls: { ...CLIENT_TLS, checkServerIdentity: () => undefined } as TlsOptions };
    assert.throws(() => ClientSync(echo, refused), TypeError);
  }),
);

test(
  'ClientSync() over TLS gives up on a listener that is silent',
  clean(async (t) => {
    const silent = createServer((socket) => socket.on('error', () => undefined).resume());
    t.after(() => void silent.close());
    const path = join(tmpdir(), `silent-${process.pid}`);
    silent.listen(path);
    await once(silent, 'listening');
    const message = /^Cannot connect: the listener does not speak TLS in time after \d+ ms$/;
    for (const connect of [Client, ClientSync])
      await assert.rejects(async () => connect(path, { tls: CLIENT_TLS, timeout: 200 }), { name: 'TimeoutError', message });
  }),
);

/** A listener in a thread that sends back what it receives, until that is 'end'. */
async function echoing(t: TestContext, options: ListenerOptions): Promise<Address> {
  const found = new Queue<Address>();
  const thread = new Thread({
    daemon: true,
    target: async (given, to) => {
      const listener = await new Listener({ ...given, onRefused: () => undefined }).listen();
      await to.put(listener.address);
      for await (const connection of listener) void answer(connection);
      async function answer(connection: Connection): Promise<void> {
        for await (const value of connection) {
          if (value === 'end') break;
          await connection.send(value);
        }
        connection.close();
      }
    },
    args: [options, found] as [ListenerOptions, typeof found],
  });
  await thread.start();
  t.after(async () => {
    thread.kill();
    await thread.join();
  });
  return found.get();
}

async function failure(act: () => unknown): Promise<Error> {
  try {
    await act();
  } catch (error) {
    return error as Error;
  }
  throw new assert.AssertionError({ message: 'It was not refused' });
}
