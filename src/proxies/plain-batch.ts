/**
 * Calls, or answers, that are sent together at the end of a turn.
 *
 * Runs in clients and servers. Only what is the same whenever it is written may wait (`isPlain`); whatever else is sent on
 * the same connection sends these first, if its order matters.
 */
import { putOff } from '../substrate/put-off.js';
import { BATCH } from './protocol.js';

export class PlainBatch {
  readonly #send: (parts: readonly unknown[]) => void;
  #parts: unknown[] = [];

  /** @param send Sends all that waits. It must not throw. */
  constructor(send: (parts: readonly unknown[]) => void) {
    this.#send = send;
  }

  /** Adds one that is sent soon. */
  add(...parts: readonly unknown[]): void {
    const isFirst = this.#parts.length === 0;
    if (isFirst) this.#parts.push(BATCH);
    this.#parts.push(...parts);
    if (isFirst) putOff(this.flush);
    else if (this.#parts.length > PARTS_MAX) this.flush();
  }

  /** Sends what waits. */
  readonly flush = (): void => {
    if (this.#parts.length === 0) return;
    const parts = this.#parts;
    this.#parts = [];
    this.#send(parts);
  };
}

/** Parts in a message: those of 128 calls. */
const PARTS_MAX = 512;
