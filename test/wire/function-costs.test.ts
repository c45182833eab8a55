import assert from 'node:assert/strict';
import test from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { encodeFunction, registerFunctionExtensions } from '#src/wire/function-extension.js';

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
