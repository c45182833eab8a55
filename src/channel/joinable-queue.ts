/**
 * A queue that knows when the work of all its items is done.
 *
 * Runs in every process and thread.
 */
import { InvalidStateError } from '../errors.js';
import { constructOn, KIND, type SharedKind } from '../sharing/shared-kinds.js';
import type { Wait } from '../substrate/wait-limit.js';
import { blockingLimit, Queue } from './queue.js';
import { queueDied, queueFreed } from './queue-core.js';

/**
 * A queue with `taskDone()` and `join()`.
 *
 * - An item whose consumer died before it said `taskDone()` is never done.
 *
 * @python `multiprocessing.JoinableQueue`
 */
export class JoinableQueue<T = unknown> extends Queue<T> {
  /** Says that the work of one item that was taken is done. @throws {InvalidStateError} If all are done already. */
  taskDone(): void {
    this.core.assertOpen('say that a task is done');
    if (!this.core.done.addOne()) throw new InvalidStateError('Cannot say that a task is done: all items are done already');
  }

  /** Waits until every item that was put is done. @throws {TimeoutError} If they were not in time. */
  async join(wait?: Wait): Promise<void> {
    this.core.assertOpen('join');
    await this.core.done.wait(wait);
  }

  /** As `join`, but blocks this thread. */
  joinSync(wait?: Wait): void {
    this.core.assertOpen('join');
    this.core.done.waitSync(blockingLimit(wait));
  }

  /** @internal */
  protected override sharedKind(): SharedKind {
    return joinableQueueKind;
  }
}

/** How joinable queues are sent and repaired. */
export const joinableQueueKind: SharedKind = {
  kind: KIND.JOINABLE_QUEUE,
  open: (piece) => constructOn(piece, () => new JoinableQueue()),
  died: queueDied,
  freed: queueFreed,
};
