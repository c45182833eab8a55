/**
 * What goes with a message beside what is written: definitions that its reader needs, holds on the shared objects in it, and
 * long bytes that are not copied into it.
 *
 * Runs in every process, in the encoder. Any part of it can be given up, as what was written can.
 */
import type { Definition } from './codec-types.js';
import { GatheredBytes } from './gathered-bytes.js';

/** How much there is of it at one moment. */
export interface ExtrasMark {
  readonly definitions: number;
  readonly holds: number;
  readonly undo: number;
  readonly gathered: number;
}

export class MessageExtras {
  #definitions: Definition[] | undefined;
  #holds: object[] | undefined;
  /** What undoes the holds of a message in flight, one each. */
  readonly #undo: (() => void)[] = [];
  #gathered: GatheredBytes | undefined;

  /** Begins the next message; what belongs to the one before is its reader's. */
  begin(): void {
    this.#definitions = undefined;
    this.#holds = undefined;
    this.#undo.length = 0;
    this.#gathered = undefined;
  }

  get definitions(): readonly Definition[] {
    return this.#definitions ?? NO_DEFINITIONS;
  }

  get holds(): readonly object[] {
    return this.#holds ?? NO_HOLDS;
  }

  needs(definition: Definition): void {
    this.#definitions ??= [];
    if (!this.#definitions.includes(definition)) this.#definitions.push(definition);
  }

  hold(object: object, undo: (() => void) | undefined): void {
    this.#holds ??= [];
    this.#holds.push(object);
    if (undo !== undefined) this.#undo.push(undo);
  }

  /** Adds bytes that belong `at` bytes behind the start of what is written. */
  gather(at: number, bytes: Uint8Array): void {
    this.#gathered ??= new GatheredBytes();
    this.#gathered.add(at, bytes);
  }

  /** Gathered bytes whose length is no longer what was written. */
  changed(): Uint8Array | undefined {
    return this.#gathered?.changed();
  }

  /** The message in parts, if bytes of it were gathered; what was written is `buffer[start..end)`. */
  parts(buffer: Uint8Array, start: number, end: number): Uint8Array[] | undefined {
    return this.#gathered?.parts(buffer.subarray(start, end));
  }

  mark(): ExtrasMark {
    return {
      definitions: this.#definitions?.length ?? 0,
      holds: this.#holds?.length ?? 0,
      undo: this.#undo.length,
      gathered: this.#gathered?.count ?? 0,
    };
  }

  /** Gives up what came after the mark, all of it without one; how many bytes were gathered then. */
  rewind({ definitions, holds, undo, gathered }: ExtrasMark = NOTHING): number {
    this.#definitions?.splice(definitions);
    this.#holds?.splice(holds);
    for (const each of this.#undo.splice(undo)) each();
    return this.#gathered?.rewind(gathered) ?? 0;
  }
}

const NO_DEFINITIONS: readonly Definition[] = Object.freeze([]);
const NO_HOLDS: readonly object[] = Object.freeze([]);
const NOTHING: ExtrasMark = { definitions: 0, holds: 0, undo: 0, gathered: 0 };
