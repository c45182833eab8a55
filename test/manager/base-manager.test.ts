/**
 * Managers of classes of one's own: registration, life cycle, errors; a manager that is sent.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import {
  Array as SharedArray,
  BaseManager,
  ClosedError,
  type Creator,
  currentProcess,
  getValue,
  InvalidStateError,
  Manager,
  type Proxy,
  Queue,
  RemoteError,
  SyncManager,
} from 'multiproc';
import { clean, inChild } from './manager-support.js';

class Foo {
  f(): string {
    return 'f()';
  }
  g(): never {
    throw new RangeError('value of g');
  }
  _h(): string {
    return '_h()';
  }
}

function* squares(): Generator<number> {
  for (let i = 0; i < 10; i++) yield i * i;
}

class Shop {
  readonly items: string[] = [];
  readonly names = new Map<string, string>();
  async add(item: string): Promise<number> {
    await new Promise(setImmediate);
    return this.items.push(item);
  }
  where(): { pid: number; name: string } {
    return { pid: process.pid, name: currentProcess().name };
  }
  all(): Map<string, string> {
    return this.names;
  }
  itself(): this {
    return this;
  }
  broken(): unknown {
    return { deep: new WeakMap() };
  }
  async *slowly(): AsyncGenerator<string> {
    for (const item of this.items) {
      await new Promise(setImmediate);
      yield item;
    }
  }
  *untilEmpty(): Generator<string> {
    yield* this.items;
    throw new RangeError('nothing is left');
  }
}

class MyManager extends BaseManager {
  declare Foo: Creator<typeof Foo>;
  declare Bar: () => Promise<Proxy<Foo> & { _h(): Promise<string> }>;
  declare baz: () => Promise<AsyncIterable<number>>;
  declare Shop: Creator<typeof Shop>;
  declare fails: () => Promise<object>;
}
MyManager.register('Foo', Foo);
MyManager.register('Bar', Foo, { exposed: ['f', '_h'] });
MyManager.register('baz', squares);
MyManager.register('Shop', Shop, { methodToTypeId: { all: 'Names' } });
MyManager.register('Names');
MyManager.register('fails', () => {
  throw new RangeError('no such thing');
});

async function common(manager: MyManager): Promise<void> {
  const foo = await manager.Foo();
  const bar = await manager.Bar();
  assert.equal(await foo.f(), 'f()');
  await assert.rejects(foo.g(), { name: 'RangeError', message: 'value of g' });
  await assert.rejects((foo as unknown as { _h(): Promise<string> })._h(), {
    name: 'TypeError',
    message: /no such public method/,
  });
  assert.equal(await bar.f(), 'f()');
  assert.equal(await bar._h(), '_h()');
  await assert.rejects(bar.g(), TypeError);
  const found: number[] = [];
  for await (const square of await manager.baz()) found.push(square);
  assert.deepEqual(found, [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]);
}

test(
  'an iterator that throws gives the items before it threw',
  clean(async () => {
    const manager = await new MyManager().start();
    const shop = await manager.Shop();
    for (const item of ['bread', 'salt']) await shop.add(item);
    const found: string[] = [];
    const read = async () => {
      for await (const item of await shop.untilEmpty()) found.push(item);
    };
    await assert.rejects(read(), { name: 'RangeError', message: 'nothing is left' });
    assert.throws(
      () => {
        for (const item of shop.sync.untilEmpty().sync) found.push(item);
      },
      { name: 'RangeError' },
    );
    assert.deepEqual(found, ['bread', 'salt', 'bread', 'salt']);
    await manager.shutdown();
  }),
);

test(
  'a manager of registered classes and functions  [_TestMyManager.test_mymanager] [G-09] [G-14]',
  clean(async () => {
    const manager = await new MyManager().start();
    await common(manager);
    const server = manager.process;
    await manager.shutdown();
    assert.equal(server?.exitCode, 0);
    await manager.shutdown();
    await manager.join();
  }),
);

test(
  'a manager ends with its block  [_TestMyManager.test_mymanager_context] [_TestMyManager.test_mymanager_context_prestarted] [G-08]',
  clean(async () => {
    const manager = await new MyManager().start();
    await common(manager);
    await manager[Symbol.asyncDispose]();
    assert.equal(manager.process?.exitCode, 0);
    await manager[Symbol.asyncDispose]();
  }),
);

test(
  'wrong order and what comes after the end  [G-02] [G-05] [G-10] [G-22]',
  clean(async () => {
    const manager = new MyManager();
    await assert.rejects(manager.Foo(), { name: 'InvalidStateError', message: /was not started/ });
    await assert.rejects(manager.shutdown(), InvalidStateError);
    await assert.rejects(manager.start('x' as never), TypeError);
    await manager.start();
    await assert.rejects(manager.start(), InvalidStateError);
    const foo = await manager.Foo();
    await manager.shutdown();
    await assert.rejects(foo.f(), ClosedError);
    assert.throws(() => foo.sync.f(), ClosedError);
    await assert.rejects(manager.Foo(), ClosedError);
    await assert.rejects(manager.start(), ClosedError);
    assert.throws(() => new MyManager({ shutdownTimeout: -1 }), RangeError);
    assert.throws(() => MyManager.register('', Foo), TypeError);
    assert.throws(() => MyManager.register('x', 5 as never), TypeError);
  }),
);

test(
  'an initializer must be a function; it runs in the server, with its arguments  [TestInitializers.test_manager_initializer] [G-02]',
  clean(async () => {
    const manager = new SyncManager();
    await assert.rejects(manager.start(1 as never), TypeError);
    const seen = new SharedArray('i', 2);
    const initializer = (given: SharedArray<'i'>, value: number): void => {
      given.set(0, value);
      given.set(1, process.pid);
    };
    await manager.start(initializer, [seen, 7]);
    assert.deepEqual([seen.at(0), seen.at(1)], [7, manager.process?.pid]);
    await manager.shutdown();
  }),
);

test(
  'the initializer runs in the server first; its error is that of start()  [G-02]',
  clean(async () => {
    const manager = new MyManager();
    const start = manager.start(
      (name: string) => {
        process.title = name;
        throw new RangeError(`cannot be ${name}`);
      },
      ['a server'],
    );
    await assert.rejects(start, { name: 'RangeError', message: 'cannot be a server' });
    await assert.rejects(manager.Foo(), ClosedError);
  }),
);

test(
  'errors of a constructor and of a method have their class, message and the stack of the server  [TestManagerExceptions.test_dispatch] [G-10] [G-13] [Z-41]',
  clean(async (t) => {
    const manager = await new MyManager().start();
    t.after(() => manager.shutdown());
    await assert.rejects(manager.fails(), { name: 'RangeError', message: 'no such thing' });
    const foo = await manager.Foo();
    for (const failing of [() => foo.g(), async () => foo.sync.g()]) {
      await assert.rejects(failing(), (error: unknown) => {
        assert.ok(error instanceof RangeError);
        assert.ok(error.cause instanceof RemoteError);
        assert.match(error.cause.message, new RegExp(`MyManager-\\d+ pid ${manager.process?.pid}`));
        assert.match(String(error.stack), /at .*\bg\b.*base-manager\.test/);
        return true;
      });
    }
    const shop = await manager.Shop();
    await assert.rejects(shop.broken(), { name: 'SerializationError', message: /Cannot send result\.deep/ });
    assert.equal(await foo.f(), 'f()');
  }),
);

test(
  'methods may be async, return iterators, their own object, and objects that stay in the server  [G-15]',
  clean(async (t) => {
    const manager = await new MyManager({ name: 'the server' }).start();
    t.after(() => manager.shutdown());
    const shop = await manager.create(Shop);
    assert.deepEqual(await Promise.all([shop.add('a'), shop.add('b')]), [1, 2]);
    assert.deepEqual(await shop.where(), { pid: manager.process?.pid, name: 'the server' });
    assert.equal(await shop.itself(), shop as unknown);
    assert.equal(shop.sync.itself(), shop as unknown);
    const items: string[] = [];
    for await (const item of await shop.slowly()) items.push(item);
    assert.deepEqual(items, ['a', 'b']);
    const names = (await shop.all()) as unknown as Proxy<Map<string, string>>;
    await names.set('k', 'v');
    const again = (await shop.all()) as unknown as Proxy<Map<string, string>>;
    assert.equal(await again.get('k'), 'v');
    const fromChild = await inChild(async (each) => {
      const there = (await each.all()) as unknown as Proxy<Map<string, string>>;
      return there.get('k');
    }, shop);
    assert.equal(fromChild, 'v');
    assert.deepEqual(await getValue(names), new Map([['k', 'v']]));
  }),
);

test(
  'a manager that is sent is connected: what it makes lives in the same server  [Z-40]',
  clean(async (t) => {
    const manager = await new MyManager().start();
    t.after(() => manager.shutdown());
    const sent = await inChild(async (each) => {
      const shop = await each.Shop();
      await shop.add('from a child');
      const refused = await each.shutdown().catch((error: Error) => error.name);
      return { shop, refused, blocking: (each.createSync('Foo') as Proxy<Foo>).sync.f() };
    }, manager);
    assert.equal(await sent.shop.add('from here'), 2);
    assert.deepEqual([sent.refused, sent.blocking], ['InvalidStateError', 'f()']);
  }),
);

test(
  'proxies travel by queues, results and other proxies, and are the same object when they come back',
  clean(async (t) => {
    const manager = await Manager();
    t.after(() => manager.shutdown());
    using queue = new Queue<object>();
    const dict = await manager.dict({ n: 1 });
    await queue.put({ dict });
    const back = await inChild(async (items) => {
      const { dict: there } = (await items.get()) as { dict: typeof dict };
      await there.update('n', (n = 0) => n + 1);
      await items.put(there);
      return [there];
    }, queue);
    assert.equal(back[0], dict);
    assert.equal(await queue.get(), dict);
    assert.equal(await dict.get('n'), 2);
  }),
);

test(
  'two managers know each other’s objects',
  clean(async (t) => {
    const [first, second] = await Promise.all([Manager(), Manager()]);
    t.after(() => Promise.all([first.shutdown(), second.shutdown()]));
    const list = await first.list([1]);
    const dict = await second.dict({ list });
    const there = await inChild(async (each) => {
      const found = await each.get('list');
      await found?.push(2);
      return found;
    }, dict);
    assert.equal(there, list);
    assert.deepEqual(await list.toArray(), [1, 2]);
  }),
);

test(
  'a server may run in the process that made it  [G-04]',
  clean(async () => {
    const manager = new MyManager();
    const server = manager.getServer();
    const served = server.serveForever();
    const shop = await manager.Shop();
    const child = inChild((each) => each.add('from a child'), shop);
    assert.equal(await child, 1);
    assert.equal(await shop.add('from here'), 2);
    assert.equal(shop.sync.where().pid, process.pid);
    server.stop();
    await served;
    await assert.rejects(shop.add('late'), ClosedError);
  }),
);

test(
  'register() of a subclass does not change its parent class; unregister() undoes it  [Z-39]',
  clean(async (t) => {
    class Small extends SyncManager {}
    Small.register('Foo', Foo);
    const manager = await new Small().start();
    t.after(() => manager.shutdown());
    assert.equal(await ((await manager.create(Foo)) as Proxy<Foo>).f(), 'f()');
    assert.deepEqual(await (await manager.list([1])).toArray(), [1]);
    assert.equal('Foo' in SyncManager.prototype, false);
    Small.unregister('Foo');
    assert.throws(() => Small.unregister('Foo'), TypeError);
    await assert.rejects(manager.create('nothing'), { name: 'TypeError', message: /no such type is registered/ });
  }),
);

test(
  'a manager can be started at once after another was shut down',
  clean(async () => {
    for (let round = 0; round < 3; round++) {
      const manager = await new MyManager().start();
      assert.equal(await (await manager.Foo()).f(), 'f()');
      await manager.shutdown();
    }
  }),
);

test(
  'an idle manager keeps no event loop alive, and ends with its program',
  clean(async () => {
    const program = `
      import { Manager } from 'multiproc';
      const manager = await Manager();
      const dict = await manager.dict({ a: 1 });
      console.log(await dict.get('a'), dict.sync.get('a'), manager.process.pid);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, 0);
    assert.match(text, /^1 1 \d+\n$/);
  }),
);
