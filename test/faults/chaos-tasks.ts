/**
 * Tasks that use everything a family shares, each of them at whatever moment its worker is killed or stopped, and what they may
 * come to.
 *
 * Runs in test processes and their workers.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BoundedSemaphore,
  Condition,
  type Connection,
  Event,
  JoinableQueue,
  Lock,
  LockOwnerDiedError,
  Pipe,
  Process,
  ProcessError,
  Queue,
  RLock,
  Thread,
  TimeoutError,
  Value,
} from 'multiproc';

interface Parcel {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** What the tasks of a run have in common. */
export interface Shared {
  readonly parcels: Queue<Parcel>;
  readonly jobs: JoinableQueue<number>;
  readonly lock: Lock;
  readonly nested: RLock;
  readonly condition: Condition;
  readonly permits: BoundedSemaphore;
  readonly event: Event;
  /** Changed with `lock` held only, in two steps. */
  readonly guarded: Value<'i'>;
  /** Changed in one step. */
  readonly atomic: Value<'q'>;
}

export const PERMITS = 2;
const LARGE = 200_000;
const PATIENCE_MS = 300;

export function makeShared(): Shared {
  return {
    parcels: new Queue<Parcel>(50),
    jobs: new JoinableQueue<number>(),
    lock: new Lock(),
    nested: new RLock({ onOwnerDeath: 'continue' }),
    condition: new Condition(),
    permits: new BoundedSemaphore(PERMITS),
    event: new Event(),
    guarded: new Value('i', 0),
    atomic: new Value('q', 0n),
  };
}

/** What a parcel or result with this number is filled with. */
export const filling = (id: number): number => id % 256;

/** Runs `f` with the lock, whatever has become of those that held it. */
export async function withLock(lock: Lock | Condition, f: () => unknown): Promise<void> {
  for (;;) {
    try {
      await lock.run(f);
      return;
    } catch (error) {
      if (!(error instanceof LockOwnerDiedError)) throw error;
      await repair(lock);
    }
  }
}

async function repair(lock: Lock | Condition): Promise<void> {
  try {
    await lock.recover(PATIENCE_MS);
    lock.release();
  } catch (error) {
    // Another one repairs it, or died of it.
    if (!(error instanceof TimeoutError || error instanceof LockOwnerDiedError)) throw error;
  }
}

/** Undefined when time runs out. */
async function unlessLate<T>(waiting: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await waiting();
  } catch (error) {
    if (error instanceof TimeoutError) return undefined;
    throw error;
  }
}

const increment = (id: number): number => id + 1;

function assertWhole(parcel: Parcel | undefined): void {
  if (parcel?.bytes.some((byte) => byte !== filling(parcel.id)) === true) throw new Error(`parcel ${parcel.id} is damaged`);
}

const parcelOf = (id: number): Parcel => ({ id, bytes: new Uint8Array(id % 3 === 0 ? LARGE : 10).fill(filling(id)) });

type Task = (shared: Shared, id: number) => unknown;

/** By name: what a task does. Resolves to its id where it says nothing else. */
const TASKS = {
  put: ({ parcels }, id) => unlessLate(() => parcels.put(parcelOf(id), PATIENCE_MS)),
  putSync: ({ parcels }, id) => unlessLate(() => parcels.putSync(parcelOf(id), PATIENCE_MS)),
  get: async ({ parcels }) => assertWhole(await unlessLate(() => parcels.get(PATIENCE_MS))),
  getSync: async ({ parcels }) => assertWhole(await unlessLate(() => parcels.getSync(PATIENCE_MS))),
  count: ({ lock, guarded }) =>
    withLock(lock, async () => {
      const seen = guarded.value;
      await sleep(2);
      guarded.value = seen + 1;
    }),
  nest: ({ nested, atomic }) => nested.runSync(() => nested.runSync(() => void atomic.add(1n))),
  notify: ({ condition }) => withLock(condition, () => condition.notify()),
  await: ({ condition }) => withLock(condition, () => condition.wait(50)),
  permit: ({ permits }) => permits.run(() => sleep(3)),
  pulse: ({ event }) => {
    event.set();
    event.clear();
  },
  pulsed: ({ event }) => unlessLate(() => event.wait(50)),
  jobs: async ({ jobs, atomic }, id) => {
    for (let times = 0; times < 100; times++) atomic.add(1n);
    await jobs.put(id);
    if (jobs.tryGet() !== null) jobs.taskDone();
  },
  large: (_shared, id) => Buffer.alloc(1_000_000 + id, filling(id)),
  pipe: async (_shared, id) => {
    const [near, far] = Pipe<Parcel>();
    await near.send({ id, bytes: new Uint8Array(LARGE).fill(filling(id)) });
    near.close();
    return far;
  },
  process: async (_shared, id) => assertNext(id, await (await new Process({ target: increment, args: [id] }).start()).result()),
  thread: async (_shared, id) => assertNext(id, await (await new Thread({ target: increment, args: [id] }).start()).result()),
  fail: (_shared, id) => {
    throw new RangeError(`task ${id}`);
  },
  failLater: () => {
    setTimeout(() => {
      throw new EvalError('later');
    }, 0);
    return sleep(60_000);
  },
  exit: (_shared, id) => process.exit(id % 3),
} satisfies Record<string, Task>;

export type TaskName = keyof typeof TASKS;
export const TASK_NAMES = Object.keys(TASKS) as TaskName[];

function assertNext(id: number, result: number | undefined): void {
  if (result !== id + 1) throw new Error(`the child of task ${id} came to ${String(result)}`);
}

/** The task, in a worker. */
export async function runTask(name: TaskName, shared: Shared, id: number): Promise<unknown> {
  return (await (TASKS[name] as Task)(shared, id)) ?? id;
}

/** What is wrong with a result; undefined: nothing. */
export async function complaintOf(name: TaskName, id: number, result: unknown): Promise<string | undefined> {
  if (name === 'fail' || name === 'failLater' || name === 'exit') return 'it has a result';
  if (name === 'large') {
    const bytes = result as Uint8Array;
    return bytes.length === 1_000_000 + id && bytes.every((byte) => byte === filling(id)) ? undefined : 'a damaged result';
  }
  if (name !== 'pipe') return result === id ? undefined : `it came to ${String(result)}`;
  const far = result as Connection<Parcel>;
  const parcel = await far.recv();
  far.close();
  return parcel.id === id && parcel.bytes.every((byte) => byte === filling(id)) ? undefined : 'a damaged message';
}

/** Errors of the task itself. */
export function isItsOwn(name: TaskName, error: unknown): boolean {
  if (name === 'fail') return error instanceof RangeError;
  if (name === 'failLater') return error instanceof EvalError;
  // The child of the task may be the one that was killed.
  return name === 'process' && error instanceof ProcessError && error.code === 'ERR_MP_PROCESS_DIED';
}
