import assert from 'node:assert/strict';
import { Session } from 'node:inspector';
import test from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { encodeFunction, registerFunctionExtensions } from '#src/wire/function-extension.js';
import { measureLeaks } from '../fuzz/function-leak.js';
import { FIXTURES } from './function-support.js';

/** Of one submit; tables of V8 grow in steps. */
const LEFT_BYTES = 500;

registerFunctionExtensions();

test('fresh closures are forgotten after they were sent', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // A job of its own: a WeakRef holds its target until the end of the job that made it.
  const send = async (count: number): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < count; i += 1) {
      const data = new Array<number>(1000).fill(i);
      encodeFunction(() => data.length);
    }
  };
  await send(50);
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  const before = process.memoryUsage().heapUsed;
  await send(1500);
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  const grown = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  assert.ok(grown < 4, `1500 closures of 8 KB left ${grown.toFixed(1)} MB behind`);
});

test('fresh functions leave nothing behind in parent and worker', async () => {
  const leaks = await measureLeaks(1000, ['capture-free', 'captured function']);
  for (const [kind, { parent, worker }] of Object.entries(leaks)) {
    assert.ok(
      parent < LEFT_BYTES && worker < LEFT_BYTES,
      `${kind}: ${parent} bytes of each submit in the parent, ${worker} in the worker`,
    );
  }
});

test('functions of one text that capture nothing are one message', () => {
  const make = () => (x: number) => x + 1;
  assert.equal(encodeFunction(make()), encodeFunction(make()));
  const marked = Object.assign(make(), { mark: 1 });
  assert.notEqual(encodeFunction(marked), encodeFunction(make()));
});

test('after two functions of a module, the others need no look at it', async () => {
  const lib = (await import(new URL('lib.mjs', FIXTURES).href)) as Record<string, (x: number) => number>;
  encodeFunction(lib['exported']);
  encodeFunction(lib['double']);
  let looks = 0;
  const { post } = Session.prototype;
  Session.prototype.post = function (this: Session, ...args: unknown[]) {
    looks += 1;
    return (post as (...args: unknown[]) => void).apply(this, args);
  } as typeof post;
  try {
    encodeFunction(lib['nested']);
    encodeFunction(lib['unseen']);
  } finally {
    Session.prototype.post = post;
  }
  assert.equal(looks, 0);
});

test('a function without captured values is encoded once', () => {
  const plain = (x: number): number => x + 1;
  const first = encodeFunction(plain);
  assert.ok(first.stable);
  assert.equal(encodeFunction(plain), first);
  let n = 1;
  const closure = (): number => (n += 1);
  assert.equal(encodeFunction(closure).stable, false);
  assert.equal(encodeFunction(closure).encoded.definitions[0], encodeFunction(closure).encoded.definitions[0]);
});
