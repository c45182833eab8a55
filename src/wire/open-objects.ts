/**
 * The objects that are being written, each within the one before, and what was read from them.
 *
 * Runs in every process, on the writing side. It bounds the depth, and knows enough to say afterwards
 * where a value stands; on the way down it costs a few stores for each object.
 */
import { MAX_DEPTH } from './tags.js';
import { valuePath } from './value-path.js';

/** The chain of open objects of one message. */
export class OpenObjects {
  /** Values that were read and are not yet written; those of each open object behind those of the one around it. */
  readonly stack: unknown[] = [];
  /** Where the next value goes. */
  top = 0;
  #depth = -1;
  readonly #values: (object | undefined)[] = [];
  /** Where the values of each object start on the stack; −1: they are not there. */
  readonly #bases: number[] = [];
  /** The steps that extensions named themselves. */
  readonly #parts: (string | undefined)[] = [];

  /** The number of open objects less one. */
  get depth(): number {
    return this.#depth;
  }

  /** The object that is written now. */
  get innermost(): object | undefined {
    return this.#values[this.#depth];
  }

  /** Opens an object; false if it stands too deep. */
  enter(value: object): boolean {
    const depth = ++this.#depth;
    this.#values[depth] = value;
    this.#bases[depth] = -1;
    return depth < MAX_DEPTH;
  }

  /** Closes the innermost object. */
  leave(): void {
    this.#values[this.#depth] = undefined;
    this.#depth--;
  }

  push(value: unknown): void {
    this.stack[this.top++] = value;
  }

  /** Declares that the values of the innermost object are on the stack from `base` on. */
  pushedFrom(base: number): void {
    this.#bases[this.#depth] = base;
  }

  /** Takes everything from `base` on off the stack. */
  drop(base: number): void {
    const { stack } = this;
    for (let i = this.top - 1; i >= base; i--) {
      stack[i] = undefined;
    }
    this.top = base;
  }

  /** Names the step to the next value, where an extension writes it. */
  nameStep(part: string | undefined): void {
    this.#parts[this.#depth] = part;
  }

  /** Goes back to an earlier state. */
  rewind(depth: number, top: number): void {
    for (let i = depth + 1; i < this.#values.length; i++) {
      this.#values[i] = undefined;
      this.#parts[i] = undefined;
    }
    this.#depth = depth;
    this.stack.length = top;
    this.top = top;
  }

  /** Where `last`, which is the innermost object or stands in it, can be found from `root`. */
  path(root: string, last: unknown): string {
    const open = this.#values.slice(0, this.#depth + 1).map((value, depth) => ({
      value: value as object,
      part: this.#parts[depth],
      contents: this.#contentsOf(depth),
    }));
    return valuePath(root, open, last);
  }

  #contentsOf(depth: number): unknown[] {
    const base = this.#bases[depth] as number;
    if (base < 0) {
      return [];
    }
    const next = this.#bases.slice(depth + 1, this.#depth + 1).find((other) => other >= 0);
    return this.stack.slice(base, next ?? this.top);
  }
}
