/**
 * The kinds of children that the conformance tests run with: what holds for one of them holds for all.
 *
 * Runs in the test process.
 */
import { type TestContext, test } from 'node:test';
import { getContext, Pool, Process, ProcessPoolExecutor } from '#src/index.js';
import { Thread, ThreadPool, ThreadPoolExecutor } from '#src/threads-index.js';
import { leavesNothing } from './census.js';
import { withDeadline } from './deadline.js';

/** One kind of children, with the classes that start them. */
export interface Kind {
  /** Begins the titles of its tests. */
  readonly name: 'spawn' | 'thread' | 'forkserver';
  /** Whether its children are processes of their own: these can be killed alone. */
  readonly separate: boolean;
  readonly Child: typeof Process;
  readonly Pool: typeof Pool;
  readonly Executor: typeof ProcessPoolExecutor;
}

const spawn: Kind = { name: 'spawn', separate: true, Child: Process, Pool, Executor: ProcessPoolExecutor };
const thread: Kind = {
  name: 'thread',
  separate: false,
  // The faces are the same by contract; what a test reaches beyond it, the compiler cannot see.
  Child: Thread as unknown as typeof Process,
  Pool: ThreadPool as unknown as typeof Pool,
  Executor: ThreadPoolExecutor as unknown as typeof ProcessPoolExecutor,
};

const forking = getContext('forkserver');
const forkserver: Kind = {
  name: 'forkserver',
  separate: true,
  Child: forking.Process,
  Pool: forking.Pool,
  Executor: forking.ProcessPoolExecutor,
};

export const kinds: readonly Kind[] = [spawn, thread, forkserver];

const CHILD_MS = 60_000;

/** Defines one test per kind, each of which must leave nothing behind; `only` leaves kinds out that a behaviour does not apply to. */
export function eachKind(
  title: string,
  body: (kind: Kind, t: TestContext) => unknown,
  only: (kind: Kind) => boolean = () => true,
): void {
  for (const kind of kinds.filter(only)) {
    const warmUp = warmUps.get(kind.name);
    test(
      `${kind.name}: ${title}`,
      leavesNothing((t) => body(kind, t), warmUp === undefined ? {} : { warmUp }),
    );
  }
}

/** What lives as long as the process after its first child: one function per kind, so that it runs once. */
const warmUps: ReadonlyMap<string, () => Promise<void>> = new Map(
  kinds.map((kind) => [
    kind.name,
    async () => {
      // Reading a captured variable opens the inspector, which keeps pipes of its own.
      const answer = 42;
      const child = new kind.Child({ target: () => answer, stdio: 'ignore' });
      await child.start();
      await child.join();
    },
  ]),
);

/** Starts a child that the test ends with, whatever happens. */
export async function startChild<A extends unknown[], R>(
  kind: Kind,
  t: TestContext,
  target: (...args: A) => R | Promise<R>,
  args: NoInfer<A>,
  options: ConstructorParameters<typeof Process<A, R>>[0] = {},
): Promise<Process<A, R>> {
  const child = new kind.Child<A, R>({ stdio: 'ignore', ...options, target, args });
  await child.start();
  t.after(async () => {
    if (!child.done()) child.kill();
    await child.join().catch(() => {});
    child.close();
  });
  return child;
}

/** The result of a function that runs in a child of this kind. */
export async function inChild<A extends unknown[], R>(
  kind: Kind,
  t: TestContext,
  target: (...args: A) => R | Promise<R>,
  ...args: NoInfer<A>
): Promise<R> {
  const child = await startChild(kind, t, target, args);
  return withDeadline(child.result(), CHILD_MS, `${kind.name} child's result`);
}
