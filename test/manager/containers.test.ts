/**
 * Containers of a manager: list, dict, set, Namespace, Value, Array; nested in one another.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DictProxy, type ListProxy, type QueueProxy, SerializationError } from '#src/index.js';
import { eachKindWithManager, withManager } from './manager-kinds.js';

const range = (length: number) => Array.from({ length }, (_, i) => i);

async function gathered<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test(
  'what no object can begin with is refused with what was received, by the manager and by its server',
  withManager(async (manager) => {
    const refused = (made: Promise<unknown>, message: string) => assert.rejects(made, { name: 'TypeError', message });
    for (const [given, text] of [
      [5, '5'],
      [null, 'null'],
    ] as const) {
      const bad = given as never;
      for (const make of [manager.list(bad), manager.create('list', bad)])
        await refused(make, `Cannot create a list: its items must be iterable, received ${text}`);
      for (const make of [manager.set(bad), manager.create('set', bad)])
        await refused(make, `Cannot create a set: its items must be iterable, received ${text}`);
      for (const make of [manager.dict(bad), manager.create('dict', bad)])
        await refused(make, `Cannot create a dict: it begins with pairs of a key and a value, or an object, received ${text}`);
      await refused(
        manager.create('Namespace', bad),
        `Cannot create a namespace: its attributes must be an object, received ${text}`,
      );
    }
    await refused(manager.Namespace(5 as never), 'Cannot create a namespace: its attributes must be an object, received 5');
    await refused(manager.Array('i', null as never), 'Cannot create an array: its items must be iterable, received null');
    for (const make of [manager.dict([5] as never), manager.create('dict', [5])])
      await refused(make, 'Cannot create a dict: its entries must be pairs of a key and a value, received 5');
    assert.equal(await manager.numberOfObjects(), 0);
  }),
);

test(
  'a list has the methods of Array and those of Python  [_TestContainers.test_list] [G-26]',
  withManager(async (manager) => {
    const a = await manager.list<number | string>(range(10));
    assert.deepEqual(await a.slice(), range(10));
    const b = await manager.list<number>();
    assert.deepEqual(await b.toArray(), []);
    await b.extend(range(5));
    assert.equal(await b.at(2), 2);
    assert.equal(await b.at(-1), 4);
    assert.equal(await b.at(5), undefined);
    assert.deepEqual(await b.slice(2, 10), [2, 3, 4]);
    await b.extend(await b.toArray());
    assert.deepEqual(await b.concat([5, 6]), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6]);
    const e = await manager.list([a, b]);
    assert.deepEqual(await (await e.at(0))?.toArray(), range(10));
    await a.append('hello');
    assert.equal(await (await e.at(0))?.at(-1), 'hello');

    const c = await manager.list([3, 1, 10, 2]);
    await c.sort();
    assert.deepEqual(await c.toArray(), [1, 2, 3, 10]);
    await c.sort((x, y) => y - x);
    await c.reverse();
    assert.equal(await c.push(11, 12), 6);
    assert.equal(await c.unshift(0), 7);
    await c.insert(1, 0.5);
    assert.deepEqual(await c.splice(3, 2, 7, 8, 9), [2, 3]);
    assert.deepEqual(await c.toArray(), [0, 0.5, 1, 7, 8, 9, 10, 11, 12]);
    assert.deepEqual([await c.pop(), await c.pop(0), await c.shift()], [12, 0, 0.5]);
    assert.deepEqual([await c.indexOf(8), await c.includes(99), await c.count(7), await c.length()], [2, false, 1, 6]);
    await c.remove(8);
    await assert.rejects(c.remove(8), RangeError);
    await c.set(0, 100);
    await assert.rejects(c.set(5, 0), RangeError);
    assert.deepEqual(await c.map((item) => item * 2), [200, 14, 18, 20, 22]);
    assert.deepEqual(await c.filter((item) => item > 10), [100, 11]);
    assert.equal(await c.reduce((sum, item) => sum + item, 0), 137);
    assert.equal(await c.find((item) => item < 10), 7);
    assert.deepEqual([await c.some((item) => item === 9), await c.every((item) => item < 50)], [true, false]);
    assert.equal(await c.join('-'), '100-7-9-10-11');
    assert.deepEqual(
      [await c.index(9), await c.lastIndexOf(7), await c.reduceRight((sum, item) => `${sum}${item}`, '')],
      [2, 1, '111097100'],
    );
    await assert.rejects(c.index(99), RangeError);
    assert.deepEqual(
      [await c.toSorted(), await c.toReversed()],
      [
        [7, 9, 10, 11, 100],
        [11, 10, 9, 7, 100],
      ],
    );
    await c.delete(0);
    await assert.rejects(c.delete(4), RangeError);
    await c.splice(2);
    await c.repeat(2);
    await c.extend(await manager.set([1]));
    assert.deepEqual(await c.toArray(), [7, 9, 7, 9, 1]);
    await c.clear();
    assert.equal(await c.length(), 0);
  }),
);

test(
  'equal objects are found in a list, though they arrive as copies',
  withManager(async (manager) => {
    const list = await manager.list([{ id: 1 }, { id: 2 }]);
    assert.equal(await list.indexOf({ id: 2 }), 1);
    assert.equal(await list.includes({ id: 3 }), false);
    await list.remove({ id: 1 });
    assert.deepEqual(await list.toArray(), [{ id: 2 }]);
  }),
);

eachKindWithManager(
  'a list is iterated as it is at each step, also in a child  [_TestContainers.test_list_iter] [G-15]',
  async (manager, inChild) => {
    const list = await manager.list(range(10));
    assert.deepEqual(await gathered(list), range(10));
    const iterator = list[Symbol.asyncIterator]();
    await list.set(0, 100);
    assert.deepEqual(await iterator.next(), { value: 100, done: false });
    await iterator.return?.();
    const inAChild = await inChild(async (each) => {
      const late: number[] = [];
      for await (const item of each) late.push(item);
      return { late, blocking: [...each.sync] };
    }, list);
    assert.deepEqual(inAChild, { late: await list.toArray(), blocking: await list.toArray() });
  },
);

test(
  'large containers are iterated in chunks, and may be left early',
  withManager(async (manager) => {
    const list = await manager.list(range(1000));
    assert.deepEqual(await gathered(list), range(1000));
    let sum = 0;
    for await (const item of list) {
      sum += item;
      if (item === 700) break;
    }
    assert.equal(sum, (700 * 701) / 2);
    for (const item of list.sync) if (item === 300) break;
    const texts = await manager.list(range(8).map((i) => `${i}`.repeat(100_000)));
    assert.equal((await gathered(texts)).length, 8);
  }),
);

test(
  'lists in a list are shared  [_TestContainers.test_list_proxy_in_list] [G-36]',
  withManager(async (manager) => {
    const outer = await manager.list(await Promise.all([0, 1, 2].map(() => manager.list(range(3)))));
    const inner = async (i: number) => (await outer.at(i)) as ListProxy<number>;
    assert.deepEqual(await Promise.all([0, 1, 2].map(async (i) => (await inner(i)).toArray())), [range(3), range(3), range(3)]);
    await (await inner(0)).set(-1, 55);
    assert.deepEqual(await (await inner(0)).toArray(), [0, 1, 55]);
    assert.deepEqual(await (await inner(1)).toArray(), range(3));
    assert.equal(await (await inner(1)).pop(), 2);
    assert.equal(await (await inner(1)).length(), 2);
    const itself = await manager.list<unknown>();
    await itself.append(itself);
    assert.equal(await itself.at(0), itself);
  }),
);

test(
  'a dict has the methods of Map and those of Python  [_TestContainers.test_dict] [G-27]',
  withManager(async (manager) => {
    const dict = await manager.dict<number, string>();
    const indices = range(5).map((i) => i + 65);
    for (const i of indices) await dict.set(i, String.fromCharCode(i));
    assert.deepEqual(await dict.copy(), new Map(indices.map((i) => [i, String.fromCharCode(i)])));
    assert.deepEqual(await dict.keys(), indices);
    assert.deepEqual(await dict.values(), ['A', 'B', 'C', 'D', 'E']);
    assert.deepEqual(await dict.entries(), await dict.items());
    assert.deepEqual([await dict.has(65), await dict.get(1), await dict.size()], [true, undefined, 5]);
    assert.equal(await dict.get(1, 'none'), 'none');
    assert.equal(await dict.setDefault(65, 'z'), 'A');
    assert.equal(await dict.setDefault(1, 'z'), 'z');
    assert.deepEqual([await dict.pop(1), await dict.pop(1), await dict.pop(1, 'gone')], ['z', undefined, 'gone']);
    assert.deepEqual(await dict.popItem(), [69, 'E']);
    assert.deepEqual([await dict.delete(65), await dict.delete(65)], [true, false]);
    await dict.update([
      [1, 'one'],
      [2, 'two'],
    ]);
    assert.equal(await dict.size(), 5);
    await dict.update(await manager.dict(new Map([[3, 'three']])));
    assert.equal(await dict.get(3), 'three');
    await dict.clear();
    assert.equal(await dict.size(), 0);
    assert.deepEqual(await (await manager.dict({ a: 1 })).entries(), [['a', 1]]);
    assert.deepEqual(await (await manager.dict(new Map([[1, 2]]))).entries(), [[1, 2]]);
  }),
);

eachKindWithManager('a dict refuses keys that nobody could find again', async (manager, inChild) => {
  const dict = await manager.dict<unknown, number>();
  await assert.rejects(dict.set({ id: 1 }, 1), { name: 'TypeError', message: /^Cannot use an object as a key/ });
  await dict.set(dict, 1);
  assert.equal(await dict.get(dict), 1);
  const child = await inChild((each) => each.sync.get(each), dict);
  assert.equal(child, 1);
});

test(
  'a dict is iterated by entries, also while it changes  [_TestContainers.test_dict_iter]',
  withManager(async (manager) => {
    const dict = await manager.dict(range(5).map((i): [number, number] => [i, i]));
    assert.deepEqual(
      await gathered(dict),
      range(5).map((i) => [i, i]),
    );
    const iterator = dict[Symbol.asyncIterator]();
    await dict.clear();
    assert.deepEqual(await iterator.next(), { value: undefined, done: true });
  }),
);

eachKindWithManager(
  'dicts of dicts are shared at every depth  [_TestContainers.test_dict_proxy_nested] [G-36]',
  async (manager, inChild) => {
    let pets: DictProxy<string, number> | undefined = await manager.dict({ ferrets: 2, hamsters: 4 });
    let supplies: DictProxy<string, number> | undefined = await manager.dict({ water: 10, feed: 3 });
    const dict = await manager.dict({ pets, supplies });
    const of = async (name: string) => (await dict.get(name)) as DictProxy<string, number>;
    await (await of('supplies')).set('blankets', 5);
    assert.equal(await supplies.get('blankets'), 5);
    await inChild(async (each) => {
      await (await each.get('supplies'))?.set('water', 7);
    }, dict);
    assert.equal(await supplies.get('water'), 7);
    pets = undefined;
    supplies = undefined;
    assert.equal(await (await of('pets')).get('ferrets'), 2);
    pets = await of('pets');
    await dict.clear();
    assert.equal(await pets.get('hamsters'), 4);
    const list = await manager.list<unknown>([[88, 99], await manager.list([pets])]);
    assert.deepEqual(await list.at(0), [88, 99]);
    const nested = (await list.at(1)) as ListProxy<DictProxy<string, number>>;
    await (await nested.at(0))?.set('marmots', 1);
    assert.equal(await pets.get('marmots'), 1);
  },
);

test(
  'queues in a list and in a dict work  [_TestContainers.test_nested_queue]',
  withManager(async (manager) => {
    const list = await manager.list<QueueProxy<number>>();
    await list.append(await manager.Queue<number>());
    await (await list.at(0))?.put(123);
    assert.equal(await (await list.at(0))?.get(), 123);
    const dict = await manager.dict<number, QueueProxy<number>>();
    await dict.set(0, await manager.Queue<number>());
    await (await dict.get(0))?.put(456);
    assert.equal(await (await dict.get(0))?.get(), 456);
  }),
);

eachKindWithManager('a namespace has attributes  [_TestContainers.test_namespace] [G-29]', async (manager, inChild) => {
  const names = await manager.Namespace<{ name?: string; job?: string; count: number }>({ count: 0 });
  await names.set('name', 'Bob');
  names.sync.job = 'Builder';
  assert.deepEqual([await names.name, await names.get('job')], ['Bob', 'Builder']);
  assert.equal(await names.delete('job'), true);
  assert.equal(await names.job, undefined);
  assert.equal(names.sync.job, undefined);
  assert.equal(await names.has('job'), false);
  assert.deepEqual(Object.keys(names.sync), ['count', 'name']);
  assert.equal('name' in names.sync, true);
  names.sync.count += 2;
  await inChild((each) => {
    each.sync.count += 40;
  }, names);
  assert.equal(await names.count, 42);
  assert.equal(await names.update('count', (count) => count + 1), 43);
  assert.deepEqual(await names.copy(), { count: 43, name: 'Bob' });
  assert.throws(() => Object.assign(names, { name: 'Eve' }), {
    name: 'TypeError',
    message: /use await ns\.set\("name", value\)/,
  });
});

eachKindWithManager(
  'a set has the methods of Set and those of Python  [TestSyncManagerTypes.test_set] [TestSyncManagerTypes.test_set_init] [TestSyncManagerTypes.test_set_contain_all_method] [G-28]',
  async (manager, inChild) => {
    const set = await manager.set<number>([1, 2, 2, 3]);
    assert.deepEqual([await set.size(), await set.has(2), await set.has(9)], [3, true, false]);
    await inChild(async (each) => {
      await each.add(4);
      await each.discard(1);
      each.sync.update([5, 6]);
    }, set);
    assert.deepEqual(await set.copy(), new Set([2, 3, 4, 5, 6]));
    assert.deepEqual(await set.union([9]), new Set([2, 3, 4, 5, 6, 9]));
    assert.deepEqual(await set.intersection([2, 9]), new Set([2]));
    assert.deepEqual(await set.difference([2, 3]), new Set([4, 5, 6]));
    assert.deepEqual(await set.symmetricDifference([6, 7]), new Set([2, 3, 4, 5, 7]));
    assert.deepEqual(
      [await set.isSubsetOf([1, 2, 3, 4, 5, 6]), await set.isSupersetOf([2]), await set.isDisjointFrom([7])],
      [true, true, true],
    );
    assert.deepEqual(await set.union(await manager.list([9])), new Set([2, 3, 4, 5, 6, 9]));
    await set.intersectionUpdate(await manager.set([2, 3, 4]));
    await set.differenceUpdate([4]);
    await set.symmetricDifferenceUpdate([3, 8]);
    assert.deepEqual(await set.values(), [2, 8]);
    await set.remove(8);
    await assert.rejects(set.remove(8), RangeError);
    assert.deepEqual(await gathered(set), [2]);
    assert.equal(await set.pop(), 2);
    assert.equal(await set.pop(), undefined);
    await set.clear();
  },
);

eachKindWithManager(
  'values and arrays have types  [TestSyncManagerTypes.test_value] [TestSyncManagerTypes.test_array] [G-30]',
  async (manager, inChild) => {
    const value = await manager.Value('i', 1);
    await inChild((each) => {
      if (each.sync.get() === 1) each.sync.set(2);
    }, value);
    assert.equal(await value.get(), 2);
    assert.equal(await value.add(5), 2);
    assert.equal(await value.update((n) => n * 10), 70);
    await assert.rejects(value.set(2 ** 31), RangeError);
    await assert.rejects(value.set('a' as never), TypeError);
    const array = await manager.Array('i', [0, 1]);
    const seen = await inChild((each) => [each.sync.get(0), each.sync.get(1), each.sync.length(), [...each.sync]], array);
    assert.deepEqual(seen, [0, 1, 2, [0, 1]]);
    await array.set(-1, 7);
    assert.deepEqual([await array.get(), await array.get(5)], [[0, 7], undefined]);
    await assert.rejects(array.set(2, 0), RangeError);
    assert.equal(await (await manager.Array('d', 3)).length(), 3);
    await assert.rejects(manager.Value('x' as 'i'), TypeError);
  },
);

eachKindWithManager(
  'update() is atomic: increments of many processes are not lost, and need no lock',
  async (manager, inChild) => {
    const dict = await manager.dict<string, number>();
    const step = 3;
    const add = (each: typeof dict) => {
      for (let i = 0; i < 50; i++) each.sync.update('n', (n = 0) => n + step);
    };
    await Promise.all([inChild(add, dict), inChild(add, dict), inChild(add, dict)]);
    assert.equal(await dict.get('n'), 450);
    await assert.rejects(dict.update('n', (async () => 1) as never), {
      name: 'TypeError',
      message: /must give its result at once/,
    });
    assert.equal(await dict.get('n'), 450);
  },
);

test(
  'what cannot be sent is refused at the caller, with its path; the manager stays usable  [G-13]',
  withManager(async (manager) => {
    const dict = await manager.dict<string, unknown>();
    await assert.rejects(dict.set('k', { deep: [Promise.resolve(1)] }), (error: unknown) => {
      assert.ok(error instanceof SerializationError);
      assert.equal(error.path, 'args[1].deep[0]');
      return true;
    });
    assert.throws(() => dict.sync.set('k', new WeakMap()), SerializationError);
    assert.equal(await dict.size(), 0);
  }),
);
