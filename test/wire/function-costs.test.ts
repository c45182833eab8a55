import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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

test('what a program has captured or required is not looked through key by key, however large it is', () => {
  const bytes = new Uint8Array(2 ** 20);
  const file = join(mkdtempSync(join(tmpdir(), 'multiproc-')), 'data.cjs');
  writeFileSync(file, 'module.exports = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key ${i}`, i]));');
  const large = [bytes, createRequire(import.meta.url)(file)] as object[];
  const settings = { level: 3 };
  encodeFunction(() => settings.level);
  let looks = 0;
  const { getOwnPropertyDescriptor, getOwnPropertyDescriptors } = Object;
  Object.getOwnPropertyDescriptor = (object: object, key: PropertyKey) => {
    if (large.includes(object) && key !== 'default') looks++;
    return getOwnPropertyDescriptor(object, key);
  };
  Object.getOwnPropertyDescriptors = <T>(object: T) => {
    if (large.includes(object as object)) looks++;
    return getOwnPropertyDescriptors(object);
  };
  try {
    encodeFunction(() => settings.level + 1);
    encodeFunction(() => bytes.length);
  } finally {
    Object.assign(Object, { getOwnPropertyDescriptor, getOwnPropertyDescriptors });
    rmSync(dirname(file), { recursive: true });
  }
  assert.equal(looks, 0);
});

test('a function of a module far away is found without the debugger, and who measures coverage misses nothing', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'multiproc-far-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'far.mjs');
  writeFileSync(file, 'export const far = (x) => (x ? 1 : 2);');
  const coverage = new Session();
  coverage.connect();
  const measure = <T>(method: string, params: object = {}): T => {
    let answer: unknown;
    coverage.post(method, params, (error, result) => (answer = error ?? result));
    return answer as T;
  };
  measure('Profiler.enable');
  measure('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const { far } = (await import(file)) as { far: (x: number) => number };
  for (const x of [1, 1, 0]) far(x);
  const asked = t.mock.method(Session.prototype, 'post', Session.prototype.post).mock;
  encodeFunction(far);
  const methods = asked.calls.map(({ arguments: [method] }) => method as string);
  asked.restore();
  assert.ok(methods.includes('Profiler.getBestEffortCoverage'), methods.join());
  assert.ok(!methods.includes('Debugger.enable'), methods.join());
  far(1);
  const { result } = measure<{ result: { url: string; functions: { functionName: string; ranges: { count: number }[] }[] }[] }>(
    'Profiler.takePreciseCoverage',
  );
  coverage.disconnect();
  const counted = result
    .find(({ url }) => url.endsWith('/far.mjs'))
    ?.functions.find(({ functionName }) => functionName === 'far');
  assert.equal(counted?.ranges[0]?.count, 4);
});
