/**
 * Submits fresh functions to one worker and tells how much memory parent and worker kept.
 *
 * `npm run test:leaks [submits of each kind]`, default 100 000; runs in a process of its own, which ends with 1 if any kind leaks.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ProcessPoolExecutor } from '#src/index.js';

/** Bytes that a submit of each kind left behind, in the parent and in the worker. */
export interface Leaks {
  readonly [kind: string]: { readonly parent: number; readonly worker: number };
}

/** Every submit gets function objects of its own. */
const KINDS: Record<string, (executor: ProcessPoolExecutor, i: number) => PromiseLike<unknown>> = {
  'capture-free': (executor, i) => executor.submit((x: number) => x + 1, i),
  closure: (executor, i) => {
    const data = new Array<number>(100).fill(i);
    return executor.submit(() => data.length);
  },
  'captured function': (executor, i) => {
    const twice = (x: number): number => x * 2;
    return executor.submit(() => twice(i));
  },
  'captured class': (executor, i) => {
    class Box {
      value = i;
    }
    return executor.submit(() => new Box().value);
  },
  'returned function': (executor, i) => executor.submit((n: number) => () => n, i),
};

/** Measures each kind, after a first round that fills caches. */
export async function measureLeaks(submits: number, kinds: readonly string[] = Object.keys(KINDS)): Promise<Leaks> {
  setFlagsFromString('--expose-gc');
  const leaks: Record<string, Leaks[string]> = {};
  for (const [kind, submit] of Object.entries(KINDS)) {
    if (!kinds.includes(kind)) continue;
    const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    const run = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i += BATCH) await Promise.all(Array.from({ length: BATCH }, (_, j) => submit(executor, i + j)));
    };
    await run(Math.max(WARM_UP, submits / 2)); // tables grow in steps, and do not shrink
    const before = await bytesOfBoth(executor);
    await run(submits);
    const after = await bytesOfBoth(executor);
    const each = (side: 'parent' | 'worker'): number => Math.round((after[side] - before[side]) / submits);
    await executor.shutdown();
    leaks[kind] = { parent: each('parent'), worker: each('worker') };
  }
  return leaks;
}

async function bytesOfBoth(executor: ProcessPoolExecutor): Promise<{ parent: number; worker: number }> {
  const worker = await executor.submit(heapBytes);
  return { parent: await heapBytes(), worker };
}

/** What lives after several collections: weak references hold their target until the end of a job. */
async function heapBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return process.memoryUsage().heapUsed;
}

const BATCH = 100;
const WARM_UP = 1000;

/** Of one submit. An entry that a table keeps takes more; what little is left comes from the engine's own tables. */
const LEAK_BYTES = 16;

if (process.argv[1] === import.meta.filename) {
  const leaks = await measureLeaks(Number(process.argv[2] ?? 100_000));
  console.log('Bytes of the heap that each submit left behind:');
  console.table(leaks);
  const leaking = Object.keys(leaks).filter((kind) => Math.max(leaks[kind]?.parent ?? 0, leaks[kind]?.worker ?? 0) >= LEAK_BYTES);
  if (leaking.length > 0) {
    console.error(`Leaks: ${leaking.join(', ')}`);
    process.exitCode = 1;
  }
}
