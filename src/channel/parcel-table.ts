/**
 * What messages are being handed over from one process to another: a word for each, which says whose its contents are.
 *
 * Runs in every process and thread. The table is made by the first who needs it and never freed: a process may look at
 * an entry of which it was told long ago, and sees whether it is the same still.
 *
 * ```text
 * entry, 32 bytes   word 0      generation << 2 | FREE, TAKEN (being filled in), OFFERED or ACCEPTED
 *                   word 1 … 4  a number that nobody can guess: who knows it is of the family
 * behind them       wait points for senders, each for every 64th entry
 * ```
 *
 * Who may die at which step: who took an entry and dies before its parcel says so leaves one of 4096 taken, within some
 * instructions. Later steps are those of the parcel (`parcel.ts`).
 */
import { randomFillSync } from 'node:crypto';
import { ResourceExhaustedError } from '../errors.js';
import { arena } from '../substrate/arena.js';
import { HEADER_PARCELS, LINE_BYTES } from '../substrate/layout.js';
import { isMember, self } from '../substrate/self.js';
import { WAIT_POINT_BYTES, WaitPoint } from '../substrate/wait-point.js';

const FREE = 0;
const TAKEN = 1;
const OFFERED = 2;
const ACCEPTED = 3;
const STATE_MASK = 3;
const ENTRIES = 4096;
const ENTRY_WORDS = 8;
const KEY_WORDS = 4;
const POINTS = 64;
const ENTRIES_BYTES: number = ENTRIES * ENTRY_WORDS * 4;
const TABLE_BYTES: number = ENTRIES_BYTES + POINTS * WAIT_POINT_BYTES;

/** An entry as it is named in messages. */
export interface EntryName {
  readonly index: number;
  readonly generation: number;
  /** The secret number. */
  readonly key: Uint8Array;
}

/** Takes a free entry. @throws {ResourceExhaustedError} If there is none. */
export function takeEntry(): { index: number; generation: number } {
  const { words } = table();
  for (let left = ENTRIES; left > 0; left--) {
    next = (next + 1) % ENTRIES;
    const state = Atomics.load(words, next * ENTRY_WORDS);
    const generation = ((state >>> 2) + 1) % GENERATIONS;
    const taken = stateOf(generation, TAKEN);
    if ((state & STATE_MASK) === FREE && Atomics.compareExchange(words, next * ENTRY_WORDS, state, taken) === state)
      return { index: next, generation };
  }
  throw new ResourceExhaustedError(
    `Cannot send: ${ENTRIES} messages with shared objects are on their way over sockets; wait until some are received`,
    { code: 'ENOSPC', errno: 28, syscall: 'send' },
  );
}

/** From now on whoever is told of the entry may accept it. */
export function offer(index: number, generation: number): EntryName {
  const { words } = table();
  const at = index * ENTRY_WORDS;
  const key = randomFillSync(new Int32Array(KEY_WORDS));
  for (const [word, value] of key.entries()) Atomics.store(words, at + 1 + word, value);
  Atomics.store(words, at, stateOf(generation, OFFERED));
  return { index, generation, key: new Uint8Array(key.buffer) };
}

export function isOffered(index: number, generation: number): boolean {
  return Atomics.load(table().words, index * ENTRY_WORDS) === stateOf(generation, OFFERED);
}

/** Undoes an offer, or frees what was accepted or never offered. True: nobody accepted it, nor will. */
export function withdraw(index: number, generation: number): boolean {
  const { words } = table();
  const at = index * ENTRY_WORDS;
  const free = stateOf(generation, FREE);
  if (Atomics.compareExchange(words, at, stateOf(generation, OFFERED), free) === stateOf(generation, OFFERED)) return true;
  if (Atomics.compareExchange(words, at, stateOf(generation, TAKEN), free) === stateOf(generation, TAKEN)) return true;
  Atomics.compareExchange(words, at, stateOf(generation, ACCEPTED), free);
  return false;
}

/** Makes what the entry stands for this thread's: `foreign` if its number is not the one that is there, `gone` if it was undone. */
export function accept({ index, generation, key }: EntryName): 'accepted' | 'gone' | 'foreign' {
  if (!isMember() || Atomics.load(arena().header, HEADER_PARCELS) === 0) return 'foreign';
  if (index >= ENTRIES || generation >= GENERATIONS || key.length !== KEY_WORDS * 4) return 'foreign';
  const { words } = table();
  const at = index * ENTRY_WORDS;
  const given = new Int32Array(key.slice().buffer);
  if (given.some((value, word) => Atomics.load(words, at + 1 + word) !== value)) return 'foreign';
  const offered = stateOf(generation, OFFERED);
  if (Atomics.compareExchange(words, at, offered, stateOf(generation, ACCEPTED)) !== offered) return 'gone';
  pointOf(index).wake();
  return 'accepted';
}

/** Where the sender of an entry waits. */
export function pointOf(index: number): WaitPoint {
  const number = index % POINTS;
  let point = points.get(number);
  if (point === undefined) {
    point = new WaitPoint(table().offset + ENTRIES_BYTES + number * WAIT_POINT_BYTES, false);
    points.set(number, point);
  }
  return point;
}

function stateOf(generation: number, state: number): number {
  return (generation << 2) | state;
}

/** The family's table. */
function table(): Table {
  return (own ??= openTable());
}

function openTable(): Table {
  const { allocator } = self();
  const { header } = arena();
  let line = Atomics.load(header, HEADER_PARCELS) >>> 0;
  if (line === 0) {
    const piece = allocator.allocate(TABLE_BYTES);
    line = Atomics.compareExchange(header, HEADER_PARCELS, 0, piece.offset / LINE_BYTES) >>> 0;
    if (line === 0) line = piece.offset / LINE_BYTES;
    else allocator.free(piece); // another one was quicker
  }
  const offset = line * LINE_BYTES;
  return { offset, words: arena().words(offset, ENTRIES_BYTES) };
}

interface Table {
  readonly offset: number;
  readonly words: Int32Array;
}

const GENERATIONS: number = 2 ** 29;
const points = new Map<number, WaitPoint>();
let own: Table | undefined;
let next = -1;
