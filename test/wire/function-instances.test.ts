import assert from 'node:assert/strict';
import test from 'node:test';
import { runInNewContext } from 'node:vm';
import { deserialize, serialize } from '#src/wire/class-hooks.js';
import { registerFunctionExtensions } from '#src/wire/function-extension.js';
import { remote } from '#src/wire/remote.js';
import { task } from '#src/wire/task.js';
import { FIXTURES, HARNESS, withChild, withProcesses } from './function-support.js';

registerFunctionExtensions();

interface Lib {
  Shown: new (value: number) => { value: number; twice(): number };
  double(x: number): number;
  state: { where: number };
}
const lib = (await import(new URL('lib.mjs', FIXTURES).href)) as Lib;
const { Shown } = lib;

class Fancy {
  name: string;
  constructor(name: string) {
    this.name = name;
  }
  hello(): string {
    return `hello ${this.name}`;
  }
}
class Bag extends Map<string, number> {
  extra = 1;
  get total(): number {
    return this.size + this.extra;
  }
}
class Pile extends Array<number> {
  sum(): number {
    return this.reduce((a, b) => a + b, 0);
  }
}
class FancyError extends RangeError {
  detail: { a: number };
  constructor(message: string) {
    super(message, { cause: 'cause' });
    this.name = 'FancyError';
    this.detail = { a: 1 };
  }
  tell(): number {
    return this.detail.a;
  }
}
class Sealed {
  #value: number;
  constructor(value: number) {
    this.#value = value;
  }
  read(): number {
    return this.#value;
  }
  static [serialize](instance: Sealed): number {
    return instance.#value;
  }
  static [deserialize](data: number): Sealed {
    return new Sealed(data);
  }
}

for (const [where, withEither] of [
  ['executor', withChild],
  ['Process', withProcesses],
] as const) {
  test(`an instance of a class of the main script keeps class and fields, both ways (${where})`, () =>
    withEither(async (child) => {
      assert.deepEqual(await child.call((fancy: Fancy) => [fancy.hello(), fancy instanceof Fancy], new Fancy('Dan')), [
        'hello Dan',
        true,
      ]);
      const back = await child.call<Fancy>((fancy: Fancy) => fancy, new Fancy('Dan'));
      assert.ok(back instanceof Fancy);
      const made = await child.call<Fancy>((name: string) => new Fancy(name), 'Eve');
      assert.ok(made instanceof Fancy);
      assert.equal(made.hello(), 'hello Eve');
    }));

  test(`an instance of a class of a module is of the very class there and here (${where})`, () =>
    withEither(async (child) => {
      assert.deepEqual(
        await child.call((shown: InstanceType<Lib['Shown']>) => [shown.twice(), shown.constructor.name], new Shown(4)),
        [8, 'Shown'],
      );
      const made = await child.call<InstanceType<Lib['Shown']>>(
        task({}, () => (shown: unknown) => shown),
        new Shown(9),
      );
      assert.ok(made instanceof Shown);
    }));

  test(`subclasses of Map and Array keep their contents (${where})`, () =>
    withEither(async (child) => {
      const bag = await child.call<Bag>((given: Bag) => given.set('z', given.total), new Bag([['a', 1]]));
      assert.ok(bag instanceof Bag);
      assert.deepEqual([...bag, bag.total], [['a', 1], ['z', 2], 3]);
      const pile = await child.call<Pile>((given: Pile) => (given.push(given.sum()), given), Pile.from([1, 2]));
      assert.ok(pile instanceof Pile);
      assert.deepEqual([...pile, pile.sum()], [1, 2, 3, 6]);
    }));

  test(`an error of a user class arrives as that class with fields, cause and stack (${where})`, () =>
    withEither(async (child) => {
      const thrown: unknown = await child
        .call(function thrower() {
          throw new FancyError('bad');
        })
        .catch((error: unknown) => error);
      assert.ok(thrown instanceof FancyError);
      assert.deepEqual([thrown.message, thrown.name, thrown.tell(), thrown.cause], ['bad', 'FancyError', 1, 'cause']);
      assert.match(thrown.stack ?? '', /at .*thrower .*function-instances\.test\.js:\d+:\d+/);
    }));

  test(`a class with #private state travels by its hooks (${where})`, () =>
    withEither(async (child) => {
      assert.equal(await child.call((sealed: Sealed) => sealed.read(), new Sealed(8)), 8);
      assert.equal((await child.call<Sealed>((n: number) => new Sealed(n), 5)).read(), 5);
    }));
}

test('of classes with one text, an instance comes back as one of the class that was sent', () =>
  withChild(async (child) => {
    const classes = [1, 2, 3].map(
      () =>
        class Twin {
          value: number;
          constructor(value: number) {
            this.value = value;
          }
        },
    );
    for (const [i, Twin] of classes.entries()) {
      const made = await child.call<object>(Twin, i);
      assert.deepEqual(
        classes.map((each) => made instanceof each),
        classes.map((each) => each === Twin),
      );
    }
  }));

test('a class that is captured by what it captures', () =>
  withChild(async (child) => {
    class Counter {
      static all: number[] = [];
      constructor() {
        Counter.all.push(1);
      }
      static run(): number {
        return build();
      }
    }
    const build = (): number => (new Counter(), new Counter(), Counter.all.length);
    assert.equal(await child.call(Counter.run), 2);
  }));

test('a function made in the child comes back with its variables, and is the same when it returns', () =>
  withChild(async (child) => {
    const counter = await child.call<{ up(): number; get(): number }>((start: number) => {
      let n = start;
      const made = { up: () => ++n, get: () => n };
      (globalThis as { made?: object }).made = made;
      return made;
    }, 5);
    assert.equal(counter.up(), 6);
    assert.equal(counter.up(), 7);
    assert.ok(await child.call((up: unknown) => up === (globalThis as { made?: { up: unknown } }).made?.up, counter.up));
  }));

test('task() sends an explicit environment, remote() the functions of a module', () =>
  withChild(async (child) => {
    const factor = 3;
    const scaled = task({ factor }, (env) => (x: number) => x * env.factor);
    assert.equal(scaled(2), 6);
    assert.equal(await child.call(scaled, 5), 15);
    const worker = remote(() => import('../../test/fixtures/functions/lib.mjs' as string) as Promise<Lib>);
    assert.equal(await child.call(worker.double, 5), 10);
    assert.throws(() => worker.double(5), TypeError);
    await assert.rejects(child.call((worker as unknown as { nothing: unknown }).nothing), /no function 'nothing'/);
  }));

test('an old-style constructor keeps its prototype', () =>
  withChild(async (child) => {
    function Old(this: { n: number }, n: number): void {
      this.n = n;
    }
    Old.prototype.get = function (this: { n: number }): number {
      return this.n;
    };
    const made = Old as unknown as new (n: number) => { get(): number };
    assert.equal(await child.call((n: number) => new made(n).get(), 3), 3);
    assert.equal(await child.call((old: { get(): number }) => old.get(), new made(4)), 4);
  }));

test('a class extends what its variable held when it was made', () =>
  withChild(async (child) => {
    const mixin = (base: Lib['Shown']): Lib['Shown'] => class Mixed extends base {};
    class Twice extends mixin(Shown) {}
    assert.deepEqual(await child.call((n: number) => [new Twice(n).twice(), Object.getPrototypeOf(Twice).name], 4), [8, 'Mixed']);
  }));

test('what arrived by value is forwarded to a grandchild', () =>
  withChild(async (child) => {
    const shift = 10;
    const shifted = (x: number): number => x + shift;
    const results = await child.call(
      async (harness: string, f: unknown) => {
        const { startChild } = (await import(harness)) as {
          startChild: () => { call(...args: unknown[]): Promise<unknown>; close(): void };
        };
        const grandchild = startChild();
        try {
          return [await grandchild.call(f, 1), await grandchild.call((x: number) => shifted(x) + 1, 1)];
        } finally {
          grandchild.close();
        }
      },
      HARNESS,
      shifted,
    );
    assert.deepEqual(results, [11, 12]);
  }));

test('functions and classes of another realm travel, as test runners make them', () =>
  withChild(async (child) => {
    const made = runInNewContext(`({
      plain: function plain(x) { return [x, Math.max(1, x)] },
      Holder: class Holder { constructor(x) { this.x = x } get() { return this.x } },
      captures: ((max) => (x) => max(x, 2))(Math.max),
    })`) as { plain: unknown; Holder: new (x: number) => { get(): number }; captures: unknown };
    const { Holder } = made;
    assert.deepEqual(await child.call(made.plain, 3), [3, 3]);
    assert.equal(await child.call((x: number) => new Holder(x).get(), 4), 4);
    assert.equal(await child.call((held: { get(): number }) => held.get(), new Holder(5)), 5);
    assert.ok((await child.call((x: number) => new Holder(x), 6)) instanceof Holder);
    assert.equal(await child.call(made.captures, 1), 2);
  }));
