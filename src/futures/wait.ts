/**
 * `wait`: until all, or the first, of some futures and processes are done.
 *
 * Runs in the process that waits. Ends nothing, whatever time runs out.
 */
import { waitOptions } from '../substrate/wait-limit.js';
import { type Completable, completables, watch } from './completion.js';

export interface WaitOptions {
  /** Milliseconds; default: no limit. */
  readonly timeout?: number | undefined;
  /** Default 'ALL_COMPLETED'. 'FIRST_EXCEPTION' is the same where nothing fails; to be cancelled is no failure. */
  readonly returnWhen?: 'ALL_COMPLETED' | 'FIRST_COMPLETED' | 'FIRST_EXCEPTION' | undefined;
}

/** What `wait` found. */
export interface Waited<T> {
  readonly done: Set<T>;
  readonly notDone: Set<T>;
}

const RETURN_WHEN = ['ALL_COMPLETED', 'FIRST_COMPLETED', 'FIRST_EXCEPTION'];
/** A timer of the event loop cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Waits for futures and processes, in any mixture.
 *
 * - Time running out is no error: what is not done by then is in `notDone`.
 * - A cancelled future is done; an item that is given twice counts once.
 * - What failed is in `done` like the rest; it counts as read.
 *
 * @throws {TypeError|RangeError} If an item cannot be waited for, or an option is wrong.
 * @throws {InvalidStateError} If a process is not started.
 *
 * @example
 * const { done, notDone } = await wait(futures, { timeout: 1000, returnWhen: 'FIRST_COMPLETED' });
 *
 * @python `concurrent.futures.wait`; `timeout` in milliseconds.
 */
export async function wait<T extends Completable>(items: Iterable<T>, options: WaitOptions = {}): Promise<Waited<T>> {
  const all = completables('wait', items);
  const { returnWhen = 'ALL_COMPLETED' } = options;
  const { timeout } = waitOptions(options);
  if (!RETURN_WHEN.includes(returnWhen))
    throw new RangeError(`Cannot wait: returnWhen must be one of ${RETURN_WHEN.join(', ')}, received ${String(returnWhen)}`);
  const done = new Set<T>();
  for (const item of all) if (item.done()) done.add(item);
  const over =
    done.size === all.size ||
    (returnWhen === 'FIRST_COMPLETED' && done.size > 0) ||
    (returnWhen === 'FIRST_EXCEPTION' && (await anyFailed(done)));
  if (!over) await enough(all, done, returnWhen, timeout);
  return { done, notDone: new Set([...all].filter((item) => !done.has(item))) };
}

/** Adds to `done` until that is what was asked for, or time runs out. */
function enough<T extends Completable>(
  all: Set<T>,
  done: Set<T>,
  returnWhen: WaitOptions['returnWhen'],
  timeout: number | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let over = false;
    let timer: NodeJS.Timeout | undefined;
    const end = (settle: () => void) => {
      over = true;
      clearTimeout(timer);
      settle();
    };
    if (timeout !== undefined && timeout <= LONGEST_TIMER_MS) {
      timer = setTimeout(() => {
        for (const item of all) if (item.done()) done.add(item);
        end(resolve);
      }, timeout);
    }
    const watcher = {
      completed: (item: T, failed: boolean) => {
        if (over) return;
        done.add(item);
        const first = returnWhen === 'FIRST_COMPLETED' || (returnWhen === 'FIRST_EXCEPTION' && failed);
        if (first || done.size === all.size) end(resolve);
      },
      refused: (error: unknown) => {
        if (!over) end(() => reject(error as Error));
      },
    };
    for (const item of all) if (!done.has(item)) watch(item, watcher);
  });
}

async function anyFailed(done: Iterable<Completable>): Promise<boolean> {
  const failures = await Promise.all(
    [...done].map((item) =>
      item.exception().then(
        (error) => error !== null,
        () => false, // cancelled
      ),
    ),
  );
  return failures.includes(true);
}
