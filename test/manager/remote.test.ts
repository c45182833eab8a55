/**
 * Managers over sockets: what goes there and what does not, proxies within the client's family, and who ends when.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import {
  AuthenticationError,
  BaseManager,
  ClosedError,
  type Creator,
  InvalidStateError,
  LockOwnerDiedError,
  ManagerDiedError,
  Process,
  Queue,
  SerializationError,
  SyncManager,
  SystemError,
  Thread,
  Value,
} from 'multiproc';
import { freeAddress, KEY } from '../channel/socket-support.js';
import { withDeadline } from '../support/deadline.js';
import { CLIENT_TLS, LISTENER_TLS } from '../support/tls.js';
import { clean, connectedTo, serving } from './remote-support.js';
import { inChild } from './manager-support.js';

const LONG_MS = 30_000;
const socketPath = () => join(tmpdir(), `manager-${process.pid}-${Math.random().toString(36).slice(2)}`);

for (const [name, options] of [
  ['TCP', { address: {} }],
  ['a Unix socket', { address: socketPath() }],
  ['TLS', { address: {}, tls: LISTENER_TLS }],
] as const) {
  test(
    `objects of every type over ${name}; a dict of lists is shared at each depth  [G-03] [G-36]`,
    clean(async (t) => {
      const server = await serving(t, options);
      const tls = 'tls' in options ? { tls: { ...CLIENT_TLS, servername: 'listener.test' } } : {};
      const [manager, other] = [await connectedTo(t, server, tls), await connectedTo(t, server, tls)];
      assert.deepEqual(manager.address, server.address);
      const list = await manager.list([1, { two: [2] }]);
      const dict = await manager.dict<string, unknown>({ list });
      assert.equal(await dict.get('list'), list);
      await ((await dict.get('list')) as typeof list).push(3);
      assert.deepEqual(await list.toArray(), [1, { two: [2] }, 3]);
      await dict.set('theirs', await other.list(['of another connection']));
      assert.equal(await ((await dict.get('theirs')) as typeof list).at(0), 'of another connection');
      const found: unknown[] = [];
      for await (const item of list) found.push(item);
      assert.deepEqual(found, [1, { two: [2] }, 3]);
      const namespace = await manager.Namespace({ x: 1 });
      await namespace.set('x', 2);
      assert.equal(await namespace.x, 2);
      const value = await manager.Value('i', 40);
      assert.equal(await value.add(2), 40);
      assert.equal(await (await manager.set(['a'])).has('a'), true);
      assert.deepEqual(await (await manager.Array('d', [1, 2])).get(), [1, 2]);
      assert.equal(await (await manager.RLock()).run(() => 'held'), 'held');
      const queue = await manager.Queue<string>(1);
      const taken = queue.get();
      await queue.put('item');
      assert.equal(await taken, 'item');
      await assert.rejects(queue.get(1), { name: 'TimeoutError' });
      await assert.rejects((await manager.list()).set(5, 1), { name: 'RangeError' });
    }),
  );
}

test(
  'a wrong key is refused, and nobody there an error of the system; the manager may try again  [fault 63] [G-03]',
  clean(async (t) => {
    const server = await serving(t);
    const address = server.address ?? undefined;
    await assert.rejects(new SyncManager({ address, authKey: Buffer.alloc(32) }).connect(), AuthenticationError);
    const nobody = new SyncManager({ address: (await freeAddress()) as { host: string; port: number }, authKey: KEY });
    await assert.rejects(nobody.connect(), SystemError);
    await assert.rejects(nobody.connect(), SystemError);
    await assert.rejects(new SyncManager().connect(), TypeError);
    const manager = await connectedTo(t, server);
    await assert.rejects(manager.connect(), InvalidStateError);
    await assert.rejects(manager.shutdown(), InvalidStateError);
    await assert.rejects(manager.join(), InvalidStateError);
    await assert.rejects(new SyncManager({ address, authKey: KEY }).start(), { name: 'SystemError', code: 'EADDRINUSE' });
    assert.equal(await (await manager.list([1])).length(), 1);
  }),
);

test(
  'functions, instances and shared objects do not go over a socket; types of no use there are refused',
  clean(async (t) => {
    class Mine {}
    const server = await serving(t);
    const manager = await connectedTo(t, server);
    const dict = await manager.dict<string, unknown>();
    for (const value of [() => 1, new Mine(), new Queue(), await server.list(), /x/])
      await assert.rejects(
        dict.set('k', { deep: value }),
        (error) => error instanceof SerializationError && error.path === 'args[1].deep',
      );
    await assert.rejects(
      dict.update('k', () => 1),
      (error) => error instanceof SerializationError && error.path === 'args[1]',
    );
    await assert.rejects(manager.Pool(1), TypeError);
    await assert.rejects(manager.create('nothing'), TypeError);
    assert.equal(await dict.size(), 0);
  }),
);

class Things {
  static readonly all = new Things();
  readonly #own: unknown[] = [() => 'a function', { plain: true }];
  at(index: number): unknown {
    return this.#own[index];
  }
  fails(): never {
    throw new (class ThingError extends RangeError {
      readonly code = 'ERR_THING';
    })('no such thing');
  }
}
class ThingManager extends BaseManager {
  declare things: Creator<typeof Things>;
}
ThingManager.register('things', () => Things.all);

test(
  'what several clients are given is one object; errors have their class, fields and the stack of the server  [_TestRemoteManager.test_remote] [G-13]',
  clean(async (t) => {
    class QueueManager extends BaseManager {
      declare getQueue: () => Promise<{ push(...items: unknown[]): Promise<number>; shift(): Promise<unknown> }>;
    }
    const shared: { items: unknown[] } = { items: [] };
    class Items {
      push(...items: unknown[]): number {
        return shared.items.push(...items);
      }
      shift(): unknown {
        return shared.items.shift();
      }
    }
    const items = new Items();
    QueueManager.register('getQueue', () => items);
    const server = await new QueueManager({ address: {}, authKey: KEY }).start();
    t.after(() => server.shutdown());
    const [one, other] = await Promise.all(
      [1, 2].map(() => new QueueManager({ address: server.address ?? undefined, authKey: KEY }).connect()),
    );
    const values = ['hello world', null, true, 2.25, 'hallå världen', { deep: [1n, new Date(0)] }];
    await (await one?.getQueue())?.push(...values);
    const taken = await other?.getQueue();
    for (const value of values) assert.deepEqual(await taken?.shift(), value);
    one?.disconnect();
    other?.disconnect();
  }),
);

test(
  'an error has its class, its fields and the stack of the server; a result that is code is refused there',
  clean(async (t) => {
    const server = await new ThingManager({ address: {}, authKey: KEY }).start();
    t.after(() => server.shutdown());
    const manager = await new ThingManager({ address: server.address ?? undefined, authKey: KEY }).connect();
    t.after(() => manager.disconnect());
    const things = await manager.things();
    await assert.rejects(things.fails(), (error: unknown) => {
      assert.ok(error instanceof RangeError);
      assert.equal((error as { code?: unknown }).code, 'ERR_THING');
      assert.equal(error.name, 'ThingError');
      assert.match(String((error.cause as Error).stack), /at Things\.fails/);
      return true;
    });
    await assert.rejects(things.at(0), (error) => error instanceof SerializationError && error.path === 'result');
    assert.deepEqual(await things.at(1), { plain: true });
  }),
);

test(
  'the server’s death ends pending and later calls, and leaves no socket  [fault 30]',
  clean(async (t) => {
    const path = socketPath();
    const server = await serving(t, { address: path });
    const manager = await connectedTo(t, server);
    const queue = await manager.Queue();
    const pending = Promise.allSettled([queue.get(), queue.get()]);
    server.process?.kill();
    for (const each of await withDeadline(pending, LONG_MS, 'the pending calls'))
      assert.ok(each.status === 'rejected' && each.reason instanceof ManagerDiedError);
    await assert.rejects(queue.get(), ManagerDiedError);
    assert.throws(() => queue.sync.get(), ManagerDiedError);
    await assert.rejects(manager.list(), ManagerDiedError);
    await server.join();
    const gone = async () => {
      while (existsSync(path)) await sleep(5);
    };
    await withDeadline(gone(), LONG_MS, 'the removal of the socket');
  }),
);

test(
  'a client that dies holding a lock poisons it, and gives back the item that it was about to take  [fault 16] [fault 17]',
  clean(async (t) => {
    const server = await serving(t);
    const manager = await connectedTo(t, server);
    const [lock, queue, taken] = [await manager.Lock(), await manager.Queue<number>(), new Value('i', 0)];
    const child = new Process({
      target: async () => {
        const here = await manager.dict();
        await lock.acquire();
        const waiting = queue.get();
        await here.size();
        taken.value = 1;
        await waiting;
        await new Promise(() => setTimeout(() => here, 2 ** 30));
      },
    });
    await child.start();
    while (taken.value === 0) await sleep(5);
    const waiting = assert.rejects(withDeadline(lock.acquire(), LONG_MS, 'the lock'), LockOwnerDiedError);
    child.kill();
    await child.join();
    await waiting;
    await (await lock.recover()).release();
    await queue.put(7);
    assert.equal(await withDeadline(queue.get(), LONG_MS, 'the item'), 7);
  }),
);

test(
  'proxies and connected managers in a child connect by themselves; a proxy that is returned outlives the child  [G-16] [Z-40]',
  clean(async (t) => {
    const server = await serving(t);
    const manager = await connectedTo(t, server);
    const dict = await manager.dict<string, unknown>();
    const made = await inChild(
      async (each, own) => {
        each.sync.set('blocking', 1);
        await each.set('waiting', await own.list([each]));
        return own.list(['made in a child']);
      },
      dict,
      manager,
    );
    assert.deepEqual(await made.toArray(), ['made in a child']);
    assert.equal(await dict.get('blocking'), 1);
    const list = (await dict.get('waiting')) as { at(index: number): Promise<unknown> };
    assert.equal(await list.at(0), dict);
  }),
);

test(
  'objects go when the client forgets them, or its connection ends  [G-17]',
  clean(async (t) => {
    const server = await serving(t);
    const manager = await connectedTo(t, server);
    const other = await connectedTo(t, server);
    const kept = await Promise.all(Array.from({ length: 20 }, () => other.list()));
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 100 }, () => manager.dict()));
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const until = async (most: number) => {
      while ((await server.numberOfObjects()) > most) {
        gc();
        await sleep(5);
      }
    };
    await withDeadline(until(30), LONG_MS, 'the release of what was forgotten');
    assert.equal(await kept[0]?.length(), 0);
    other.disconnect();
    await withDeadline(until(10), LONG_MS, 'the release of what the connection had');
    await assert.rejects(async () => kept[1]?.length(), ManagerDiedError);
  }),
);

test(
  'a server in this very process; managers at one address one after the other  [_TestManagerRestart.test_rapid_restart] [G-04]',
  clean(async (t) => {
    const own = await new SyncManager({ address: {}, authKey: KEY }).getServer().listen();
    const { address } = own;
    const serving = own.serveForever();
    const client = await new SyncManager({ address: address ?? undefined, authKey: KEY }).connect();
    t.after(() => client.disconnect());
    const queue = await client.Queue<string>();
    await queue.put('hello');
    assert.equal(await queue.get(), 'hello');
    own.stop();
    await serving;
    await assert.rejects(queue.get(), isClosed);
    for (let round = 0; round < 3; round++) {
      const again = await new SyncManager({ address: address ?? undefined, authKey: KEY }).start();
      const next = await new SyncManager({ address: again.address ?? undefined, authKey: KEY }).connect();
      assert.deepEqual(again.address, address);
      assert.equal(await (await next.list([round])).at(0), round);
      await assert.rejects(queue.get(), isClosed);
      next.disconnect();
      await again.shutdown();
    }
  }),
);

for (const [name, options, client] of [
  ['TCP', { address: {} }, {}],
  ['a Unix socket', { address: socketPath() }, {}],
  ['TLS', { address: {}, tls: LISTENER_TLS }, { tls: { ...CLIENT_TLS, servername: 'listener.test' } }],
] as const)
  test(
    `clients over ${name} get ClosedError after an orderly shutdown(), as those of the family do: pending, later and blocking calls  [G-04]`,
    clean(async (t) => {
      const server = await serving(t, options);
      const manager = await connectedTo(t, server, client);
      const idle = await connectedTo(t, server, client);
      const [queue, list] = [await manager.Queue(), await idle.list([1])];
      const pending = assert.rejects(withDeadline(queue.get(), LONG_MS, 'the pending call'), isClosed);
      await server.shutdown();
      await pending;
      await assert.rejects(queue.get(), isClosed);
      await assert.rejects(list.at(0), isClosed);
      assert.throws(() => list.sync.at(0), isClosed);
      await assert.rejects(manager.list(), isClosed);
    }),
  );

const isClosed = (error: unknown): boolean =>
  error instanceof ClosedError && /^Cannot call \w+\(\): the manager was shut down$/.test(error.message);

test(
  'a program that is connected ends by itself, when nothing is awaited any more',
  clean(async (t) => {
    const server = await serving(t);
    const { port } = server.address as { port: number };
    const program = `
      import { SyncManager } from 'multiproc';
      const authKey = Buffer.from(process.argv[1], 'hex');
      const manager = await new SyncManager({ address: { port: ${port} }, authKey }).connect();
      const dict = await manager.dict({ a: 1 });
      console.log(await dict.get('a'), dict.sync.get('a'));
    `;
    const key = Buffer.from(KEY).toString('hex');
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, key]);
    const { stdout } = await withDeadline(run, LONG_MS, 'the end of the program');
    assert.equal(stdout, '1 1\n');
  }),
);

for (const [name, server, client] of [
  ['without TLS', {}, {}],
  ['with TLS', { tls: LISTENER_TLS }, { tls: { ...CLIENT_TLS, servername: 'listener.test' } }],
] as const)
  test(
    `threads connect by themselves, ${name}`,
    clean(async (t) => {
      const manager = await connectedTo(t, await serving(t, server), client);
      const dict = await manager.dict<string, unknown>({ a: 1 });
      const thread = new Thread({
        target: async (each, own) => {
          await each.set('made here', await own.list([1]));
          return each.sync.get('a');
        },
        args: [dict, manager] as [typeof dict, typeof manager],
      });
      await thread.start();
      assert.equal(await thread.result(LONG_MS), 1);
      const list = (await dict.get('made here')) as { toArray(): Promise<number[]> };
      assert.deepEqual(await list.toArray(), [1]);
    }),
  );
