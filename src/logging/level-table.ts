/**
 * What a parent wants to hear of its children: the level of each of its loggers, in shared memory, so that children
 * leave out the rest even while they are busy.
 *
 * Written by the parent, read by its children.
 *
 * ```text
 * word  0 version: odd while it is written   1 bytes of text   2 level of the library's own logger + 1, 0: not set
 *       3 1: the library's own messages go to stderr
 * byte  64 text: JSON of [category, level number][], the root logger first; empty: nothing is wanted
 * ```
 *
 * Who may die at which step: a parent that dies while it writes leaves an odd version: its children keep what they had,
 * and end with it. What they read of the freed memory of a dead parent is no text of this kind, and is ignored.
 */
import { arena } from '../substrate/arena.js';
import { LINE_BYTES } from '../substrate/layout.js';
import { self } from '../substrate/self.js';
import { levelOf, type LogLevel, levelNumber, OFF } from './levels.js';

/** More than a slab piece, so that it is freed when its parent is dead. */
const BYTES = 8192;
const TEXT_BYTES: number = BYTES - LINE_BYTES;
const VERSION = 0;
const TEXT_LENGTH = 1;
const OWN_LEVEL = 2;
const OWN_STDERR = 3;

/** The lowest level wanted of a logger and of those below it that have no entry. */
export type LevelEntry = readonly [category: readonly string[], level: number];

/** The library's own logger as it is set. */
export interface OwnSettings {
  readonly level: LogLevel | null;
  readonly stderr: boolean;
}

/** The table of a parent. */
export class LevelTableWriter {
  readonly offset: number;
  readonly #words: Int32Array;
  readonly #bytes: Buffer;
  #text = '';

  constructor() {
    ({ offset: this.offset } = self().allocator.allocate(BYTES, { private: true }));
    const buffer = arena().buffer(this.offset, BYTES);
    this.#words = new Int32Array(buffer, 0, LINE_BYTES / 4);
    this.#bytes = Buffer.from(buffer, LINE_BYTES, TEXT_BYTES);
  }

  write(entries: readonly LevelEntry[]): void {
    let text = JSON.stringify(entries);
    if (Buffer.byteLength(text) > TEXT_BYTES) {
      const lowest = Math.min(OFF, ...entries.map(([, level]) => level));
      text = JSON.stringify([[[], lowest]]); // too many: the parent leaves out the rest itself
    }
    if (text === this.#text) return;
    this.#text = text;
    Atomics.add(this.#words, VERSION, 1);
    Atomics.store(this.#words, TEXT_LENGTH, this.#bytes.write(text, 0, 'utf8'));
    Atomics.add(this.#words, VERSION, 1);
  }

  writeOwn({ level, stderr }: OwnSettings): void {
    Atomics.store(this.#words, OWN_LEVEL, level === null ? 0 : levelNumber(level) + 1);
    Atomics.store(this.#words, OWN_STDERR, stderr ? 1 : 0);
  }
}

/** The table of its parent, as a child sees it. */
export class LevelTableReader {
  readonly #words: Int32Array;
  readonly #bytes: Buffer;
  #seen = 0;
  #entries: readonly LevelEntry[] = [];

  constructor(offset: number) {
    const buffer = arena().buffer(offset, BYTES);
    this.#words = new Int32Array(buffer, 0, LINE_BYTES / 4);
    this.#bytes = Buffer.from(buffer, LINE_BYTES, TEXT_BYTES);
  }

  /** Whether `entries` would be others than last time. */
  get changed(): boolean {
    return Atomics.load(this.#words, VERSION) !== this.#seen;
  }

  get own(): OwnSettings {
    return {
      level: levelOf(Atomics.load(this.#words, OWN_LEVEL) - 1),
      stderr: Atomics.load(this.#words, OWN_STDERR) === 1,
    };
  }

  /** What is wanted now; empty: nothing. */
  entries(): readonly LevelEntry[] {
    const version = Atomics.load(this.#words, VERSION);
    if (version === this.#seen || (version & 1) === 1) return this.#entries;
    const length = Atomics.load(this.#words, TEXT_LENGTH);
    const text = this.#bytes.toString('utf8', 0, Math.min(Math.max(length, 0), TEXT_BYTES));
    if (Atomics.load(this.#words, VERSION) !== version) return this.#entries; // seen at the next look
    this.#seen = version;
    const entries = parse(text);
    if (entries !== undefined) this.#entries = entries;
    return this.#entries;
  }
}

function parse(text: string): readonly LevelEntry[] | undefined {
  try {
    const entries: unknown = JSON.parse(text);
    return Array.isArray(entries) && entries.every(isEntry) ? entries : undefined;
  } catch {
    return undefined;
  }
}

function isEntry(entry: unknown): entry is LevelEntry {
  return Array.isArray(entry) && Array.isArray(entry[0]) && typeof entry[1] === 'number';
}
