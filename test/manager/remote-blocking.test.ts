/**
 * Blocking calls of managers over TLS, which a thread relays: what they do, in children of every kind, and who ends when.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { AuthenticationError, getContext, ManagerDiedError, Process, SyncManager, Thread } from 'multiproc';
import { KEY } from '../channel/socket-support.js';
import { withDeadline } from '../support/deadline.js';
import { leavesNothing } from '../support/census.js';
import { CA, CLIENT_TLS, LISTENER_TLS, startedWorkers } from '../support/tls.js';
import { clean, connectedTo, serving, warmUp } from './remote-support.js';

const LONG_MS = 30_000;
const Forked = getContext('forkserver').Process;
/** A fork server lives as long as the process. */
const withForks = async () => {
  await warmUp();
  const child = await new Forked({ target: () => 1 }).start();
  await child.join();
};
const TLS = { ...CLIENT_TLS, servername: 'listener.test' };

test(
  'blocking and other calls over TLS are calls of one client: locks, values of any size, calls that wait  [G-16] [G-03]',
  clean(async (t) => {
    const { manager } = await overTls(t);
    const dict = manager.createSync('dict', [['a', 1]]) as Awaited<ReturnType<typeof manager.dict<string, unknown>>>;
    const [lock, queue] = [await manager.Lock(), await manager.Queue<string>()];
    await lock.acquire();
    lock.sync.release();
    lock.sync.acquire();
    await lock.release();
    const long = 'x'.repeat(3_000_000);
    dict.sync.set('long', long);
    assert.equal(dict.sync.get('long'), long);
    const [put, first, second] = [queue.put('put'), queue.get(), queue.get()];
    for (let turn = 0; turn < 100; turn++) assert.equal(dict.sync.get('a'), 1); // the event loop has no turn meanwhile
    queue.sync.put('second');
    assert.deepEqual(await Promise.all([put, first, second]), [undefined, 'put', 'second']);
    assert.throws(() => queue.sync.get(5), { name: 'TimeoutError' });
    assert.throws(() => dict.sync.get(Symbol('key') as never), { name: 'SerializationError' });
  }),
);

for (const [name, Child] of [
  ['spawn', Process],
  ['thread', Thread],
  ['forkserver', Forked],
] as const)
  test(
    `${name}: blocking calls over TLS in a child, before and after it is connected; what it returns outlives it  [G-16] [Z-40]`,
    leavesNothing(
      async (t) => {
        const { manager } = await overTls(t);
        const dict = await manager.dict<string, unknown>({ a: 1 });
        const child = new (Child as typeof Process)({
          target: async (each, own) => {
            each.sync.set('first', each.sync.get('a'));
            await each.set('second', 2);
            each.sync.set('third', 3);
            return own.list(['made in a child that ends at once']);
          },
          args: [dict, manager] as [typeof dict, typeof manager],
        });
        await child.start();
        const list = await child.result(LONG_MS);
        await child.join();
        assert.deepEqual(await list.toArray(), ['made in a child that ends at once']);
        assert.deepEqual(await Promise.all(['first', 'second', 'third'].map((key) => dict.get(key))), [1, 2, 3]);
      },
      { warmUp: withForks },
    ),
  );

test(
  'the server’s death ends pending, blocking and later calls over TLS  [fault 30]',
  clean(async (t) => {
    const { server, manager } = await overTls(t);
    const queue = await manager.Queue();
    const pending = assert.rejects(withDeadline(queue.get(), LONG_MS, 'the pending call'), ManagerDiedError);
    server.process?.kill();
    assert.throws(() => queue.sync.get(LONG_MS), ManagerDiedError);
    await pending;
    assert.throws(() => queue.sync.get(), ManagerDiedError);
    await server.join();
  }),
);

test(
  'a relay that ends is the end of the connection for all calls, and the next manager gets another one',
  clean(async (t) => {
    const started = startedWorkers(t);
    const { server, manager } = await overTls(t);
    const queue = await manager.Queue();
    assert.equal(started.length, 1);
    const pending = assert.rejects(withDeadline(queue.get(), LONG_MS, 'the pending call'), ManagerDiedError);
    const exit = once(started[0] as Worker, 'exit');
    void started[0]?.terminate();
    assert.throws(() => queue.sync.get(LONG_MS), ManagerDiedError);
    await pending;
    await withDeadline(exit, LONG_MS, 'the end of the relay');
    const unwanted = (worker: Worker) => void worker.terminate();
    process.prependOnceListener('worker', unwanted);
    await assert.rejects(connectedTo(t, server, { tls: TLS }), { name: 'ChannelClosedError', message: /thread that runs TLS/ });
    const again = await connectedTo(t, server, { tls: TLS });
    assert.deepEqual((await again.list([1])).sync.toArray(), [1]);
  }),
);

test(
  'one relay serves all managers of a thread, and ends with the last connection',
  clean(async (t) => {
    const started = startedWorkers(t);
    const { server, manager } = await overTls(t);
    const other = await connectedTo(t, server, { tls: TLS });
    assert.deepEqual([(await manager.list([1])).sync.at(0), (await other.list([2])).sync.at(0)], [1, 2]);
    assert.equal(started.length, 1);
    const exit = once(started[0] as Worker, 'exit');
    manager.disconnect();
    assert.equal((await other.list([3])).sync.at(0), 3);
    other.disconnect();
    await withDeadline(exit, LONG_MS, 'the end of the relay');
    const again = await connectedTo(t, server, { tls: TLS });
    assert.equal((await again.list([4])).sync.at(0), 4);
    assert.equal(started.length, 2);
  }),
);

test(
  'a certificate that is not trusted is refused as ever; what only this thread can do keeps blocking calls away',
  clean(async (t) => {
    const server = await serving(t, { tls: LISTENER_TLS });
    for (const tls of [{}, { ...CLIENT_TLS, servername: 'another.test' }])
      await assert.rejects(connectedTo(t, server, { tls }), AuthenticationError);
    await assert.rejects(
      new SyncManager({ address: server.address ?? undefined, authKey: Buffer.alloc(32), tls: TLS }).connect(),
      {
        name: 'AuthenticationError',
        message: /another key/,
      },
    );
    const checked: string[] = [];
    const checkServerIdentity = (host: string) => void checked.push(host);
    const manager = await connectedTo(t, server, { tls: { ...TLS, checkServerIdentity } as never });
    const list = await manager.list([1]);
    assert.deepEqual([checked.length, await list.at(0)], [1, 1]);
    assert.throws(() => list.sync.at(0), { name: 'InvalidStateError', message: /needs the event loop/ });
  }),
);

test(
  'a program that made blocking calls over TLS ends by itself',
  clean(async (t) => {
    const server = await serving(t, { tls: LISTENER_TLS });
    const { port } = server.address as { port: number };
    const program = `
      import { SyncManager } from 'multiproc';
      const [key, ca] = process.argv.slice(1).map((text) => Buffer.from(text, 'hex'));
      const manager = await new SyncManager({ address: { port: ${port} }, authKey: key, tls: { ca, servername: 'listener.test' } }).connect();
      const dict = await manager.dict({ a: 1 });
      console.log(await dict.get('a'), dict.sync.get('a'));
    `;
    const given = [KEY, CA].map((bytes) => Buffer.from(bytes).toString('hex'));
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, ...given]);
    assert.equal((await withDeadline(run, LONG_MS, 'the end of the program')).stdout, '1 1\n');
  }),
);

/** A server that listens over TLS, and a client. */
async function overTls(t: TestContext): Promise<{ server: SyncManager; manager: SyncManager }> {
  const server = await serving(t, { tls: LISTENER_TLS });
  return { server, manager: await connectedTo(t, server, { tls: TLS }) };
}
