/**
 * `maxPending`: how many tasks of an executor may be open, and who waits for fewer.
 *
 * Runs in the process that submits. Knows the engine, not the executor.
 */
export class PendingLimit {
  readonly max: number;
  readonly #active: () => number;
  readonly #waiting: (() => void)[] = [];
  #waking = false;

  /** @param active How many tasks are open. */
  constructor(max: number, active: () => number) {
    this.max = max;
    this.#active = active;
  }

  get isFull(): boolean {
    return this.#active() >= this.max;
  }

  /** Resolves when there is room. */
  room(): Promise<void> {
    return this.isFull ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }

  /** There is one task less. */
  settled(): void {
    if (this.#waiting.length === 0 || this.#waking) return;
    this.#waking = true;
    setImmediate(this.#wake);
  }

  /** Lets as many go on as there is room for; the others as soon as those have used it or not. */
  readonly #wake = (): void => {
    this.#waking = false;
    const room = this.max - this.#active();
    if (room <= 0) return;
    for (const ready of this.#waiting.splice(0, room)) ready();
    this.settled();
  };
}
