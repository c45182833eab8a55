import assert from 'node:assert/strict';
import test from 'node:test';
import {
  Array as SharedArray,
  Barrier,
  BoundedSemaphore,
  Client,
  Finalize,
  JoinableQueue,
  Listener,
  Lock,
  Manager,
  Pipe,
  Pool,
  Process,
  ProcessPoolExecutor,
  Queue,
  RawStruct,
  RLock,
  Semaphore,
  ShareableList,
  SharedMemory,
  SharedMemoryManager,
  Struct,
  SyncManager,
  Thread,
  ThreadPool,
  ThreadPoolExecutor,
  Value,
} from 'multiproc';

type Take = (given: never) => unknown;

const WITH_OPTIONS: Record<string, Take> = {
  Lock: (options) => new Lock(options),
  RLock: (options) => new RLock(options),
  Semaphore: (options) => new Semaphore(1, options),
  Barrier: (options) => new Barrier(2, options),
  Queue: (options) => new Queue(0, options),
  JoinableQueue: (options) => new JoinableQueue(0, options),
  Pipe: (options) => Pipe(options),
  Listener: (options) => new Listener(options),
  Client: (options) => Client({ host: '127.0.0.1', port: 1 }, options),
  Process: (options) => new Process(options),
  Thread: (options) => new Thread(options),
  ProcessPoolExecutor: (options) => new ProcessPoolExecutor(options),
  ThreadPoolExecutor: (options) => new ThreadPoolExecutor(options),
  Manager: (options) => Manager(options),
  SyncManager: (options) => new SyncManager(options),
  SharedMemoryManager: (options) => new SharedMemoryManager(options),
  SharedMemory: (options) => new SharedMemory(options),
  ShareableList: (options) => new ShareableList([1], options),
  Value: (options) => new Value('i', 1, options),
  Array: (options) => new SharedArray('i', 1, options),
  Struct: (options) => new Struct({ x: 'i' }, options),
  RawStruct: (options) => new RawStruct({ x: 'i' }, options),
  Finalize: (options) => new Finalize({}, () => undefined, options),
};
/** Options or a count. */
const POOLS: Record<string, Take> = { Pool: (given) => new Pool(given), ThreadPool: (given) => new ThreadPool(given) };
const WITH_COUNT: Record<string, Take> = {
  Semaphore: (count) => new Semaphore(count),
  BoundedSemaphore: (count) => new BoundedSemaphore(count),
  'Semaphore.release': (count) => {
    new Semaphore().release(count);
  },
  Barrier: (count) => new Barrier(count),
  Queue: (count) => new Queue(count),
  'Queue, maxBytes': (count) => new Queue(0, { maxBytes: count }),
  JoinableQueue: (count) => new JoinableQueue(count),
  Listener: (backlog) => new Listener({ backlog }),
  Process: (maxOldSpaceMb) => new Process({ target: Math.max, maxOldSpaceMb }),
  ProcessPoolExecutor: (maxWorkers) => new ProcessPoolExecutor({ maxWorkers }),
  ThreadPoolExecutor: (maxWorkers) => new ThreadPoolExecutor({ maxWorkers }),
  ...POOLS,
};

async function refusalOf(take: Take, given: unknown, name: string): Promise<Error> {
  try {
    await take(given as never);
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  return assert.fail(`${name} took ${String(given)}`);
}

test('options that are no object are a TypeError that says so, wherever there are options', async () => {
  for (const [name, take] of Object.entries(WITH_OPTIONS)) {
    for (const given of [5, null, 'x', true]) {
      const { name: kind, message } = await refusalOf(take, given, name);
      assert.equal(kind, 'TypeError', name);
      assert.match(message, /^Cannot .*: (?:the )?options must be an object, received /, name);
    }
  }
  for (const [name, take] of Object.entries(POOLS)) {
    for (const given of [null, 'x', true]) {
      const { name: kind, message } = await refusalOf(take, given, name);
      assert.equal(kind, 'TypeError', name);
      assert.match(message, /^Cannot create a Pool: it takes a number of processes or an object of options, received /, name);
    }
  }
});

test('a count that is no number is a TypeError, one that is no integer or out of range a RangeError', async () => {
  for (const [name, take] of Object.entries(WITH_COUNT)) {
    for (const given of [null, '2', true, {}]) {
      // Of a pool an object is its options.
      if (!(name in POOLS && typeof given === 'object'))
        assert.equal((await refusalOf(take, given, name)).name, 'TypeError', name);
    }
    for (const given of [1.5, Number.NaN, 2 ** 60]) {
      if (given === 2 ** 60 && /Pool|Process|release/.test(name)) continue;
      const { name: kind, message } = await refusalOf(take, given, name);
      assert.equal(kind, 'RangeError', name);
      assert.ok(message.endsWith(`received ${given}`), message);
    }
  }
});
