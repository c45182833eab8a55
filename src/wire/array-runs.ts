/**
 * Runs of numbers and of short texts within arrays, both ways: one block of bytes stands for many items.
 *
 * Runs in every process. A run ends at the first item of another kind, so that any array may have some;
 * what is too few for a run is written item by item. Integers go in the least width that holds all of them.
 */
import type { Decoder } from './decoder.js';
import type { Encoder } from './encoder.js';
import { TAG } from './tags.js';

/** Fewest items in a run that pay for its head: arrays below write their items one by one. */
export const NUMBERS_MIN = 8;
export const TEXTS_MIN = 4;

/** Writes the numbers from `from` on, of which there is at least one, and gives the index behind them. */
export function writeNumbers(array: readonly unknown[], from: number, length: number, out: Encoder): number {
  const end = Math.min(length, from + NUMBERS_MAX);
  const turn = ++turns;
  let bits = 0;
  let at = from;
  for (; at < end; at++) {
    const item = array[at];
    if (typeof item !== 'number' || !Object.is(item | 0, item)) {
      break;
    }
    INT_32[at - from] = item;
    bits |= item ^ (item >> 31);
  }
  if (at - from >= NUMBERS_MIN && turn === turns) {
    writeIntegers(at - from, bits, out);
    return at;
  }
  for (let i = from; i < at; i++) {
    FLOAT_64[i - from] = INT_32[i - from] as number;
  }
  for (; at < end; at++) {
    const item = array[at];
    if (typeof item !== 'number') {
      break;
    }
    FLOAT_64[at - from] = item;
  }
  if (at - from >= NUMBERS_MIN && turn === turns) {
    writeBlock(DOUBLES, at - from, DOUBLE_BYTES, out);
    return at;
  }
  return writeEach(array, from, at, out);
}

/** Writes the texts from `from` on, of which there is at least one, and gives the index behind them. */
export function writeTexts(array: readonly unknown[], from: number, length: number, out: Encoder): number {
  const end = Math.min(length, from + TEXTS_MAX);
  const turn = ++turns;
  let joined = '';
  let at = from;
  for (; at < end; at++) {
    const item = array[at];
    if (typeof item !== 'string' || item.length > TEXT_LENGTH_MAX) {
      break;
    }
    LENGTHS[at - from] = item.length;
    joined += item;
  }
  if (at - from < TEXTS_MIN || turn !== turns || !out.isLatin1(joined)) {
    return writeEach(array, from, Math.max(at, from + 1), out);
  }
  out.u8(TAG.TEXTS);
  out.varint(at - from);
  out.copy(LENGTHS, at - from);
  out.latin1(joined);
  return at;
}

/** Reads a run of numbers into `array` from `at` on, and gives the index behind it. */
export function readNumbers(array: unknown[], at: number, input: Decoder): number {
  const format = input.u8();
  const items = FORMATS[format];
  if (items === undefined) {
    return input.fail('a run of numbers has an unknown format');
  }
  const count = input.count(items.BYTES_PER_ELEMENT);
  if (count > NUMBERS_MAX) {
    return input.fail('a run of numbers is too long');
  }
  input.copy(format === DOUBLES ? DOUBLE_BYTES : INTEGER_BYTES, count * items.BYTES_PER_ELEMENT);
  switch (format) {
    case INTEGERS_8:
      for (let i = 0; i < count; i++) {
        array[at + i] = INT_8[i];
      }
      break;
    case INTEGERS_16:
      for (let i = 0; i < count; i++) {
        array[at + i] = INT_16[i];
      }
      break;
    case INTEGERS_32:
      for (let i = 0; i < count; i++) {
        array[at + i] = INT_32[i];
      }
      break;
    default:
      for (let i = 0; i < count; i++) {
        array[at + i] = FLOAT_64[i];
      }
  }
  return at + count;
}

/** Reads a run of texts; as `readNumbers`. */
export function readTexts(array: unknown[], at: number, input: Decoder): number {
  const count = input.count(1);
  if (count > TEXTS_MAX) {
    return input.fail('a run of texts is too long');
  }
  const { buffer, pos } = input;
  input.pos = pos + count;
  for (let i = 0; i < count; i++) {
    array[at + i] = input.shortString(buffer[pos + i] as number);
  }
  return at + count;
}

/** An array of `length` items that are to be overwritten, of the kind that the next byte of the message announces. */
export function blankArray(length: number, input: Decoder): unknown[] {
  const { buffer, pos, end } = input;
  if (pos === end || length < BLANK_MIN) {
    return [];
  }
  // A message has at least a byte for each item of an array without holes.
  const count = Math.min(length, end - pos, NUMBERS_MAX);
  if (buffer[pos] !== TAG.NUMBERS) {
    return UNDEFINED_ITEMS.slice(0, count);
  }
  return (buffer[pos + 1] === DOUBLES ? DOUBLE_ITEMS : INTEGER_ITEMS).slice(0, count);
}

function writeEach(array: readonly unknown[], from: number, end: number, out: Encoder): number {
  for (let i = from; i < end; i++) {
    out.write(array[i]);
  }
  return end;
}

function writeIntegers(count: number, bits: number, out: Encoder): void {
  if (bits > 0x7fff) {
    writeBlock(INTEGERS_32, count, INTEGER_BYTES, out);
  } else if (bits > 0x7f) {
    // In place: no item is written over before it is read.
    for (let i = 0; i < count; i++) {
      INT_16[i] = INT_32[i] as number;
    }
    writeBlock(INTEGERS_16, count, INTEGER_BYTES, out);
  } else {
    for (let i = 0; i < count; i++) {
      INT_8[i] = INT_32[i] as number;
    }
    writeBlock(INTEGERS_8, count, INTEGER_BYTES, out);
  }
}

function writeBlock(format: number, count: number, bytes: Uint8Array, out: Encoder): void {
  out.u8(TAG.NUMBERS);
  out.u8(format);
  out.varint(count);
  out.copy(bytes, count * (FORMATS[format] as { BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT);
}

/** Counts runs, to notice an array with a getter in place of an item, which wrote a run of its own into the buffers below. */
let turns = 0;
/** Most items in a run. */
const NUMBERS_MAX = 1024;
const TEXTS_MAX = 128;
/** Longer texts are written by themselves. */
const TEXT_LENGTH_MAX = 255;
/** Shorter arrays are quicker to grow than to copy. */
const BLANK_MIN = 4;
const INTEGERS_8 = 0;
const INTEGERS_16 = 1;
const INTEGERS_32 = 2;
const DOUBLES = 3;
const INT_32: Int32Array<ArrayBuffer> = new Int32Array(NUMBERS_MAX);
const INT_16: Int16Array = new Int16Array(INT_32.buffer);
const INT_8: Int8Array = new Int8Array(INT_32.buffer);
const INTEGER_BYTES: Uint8Array = new Uint8Array(INT_32.buffer);
const FLOAT_64: Float64Array<ArrayBuffer> = new Float64Array(NUMBERS_MAX);
const DOUBLE_BYTES: Uint8Array = new Uint8Array(FLOAT_64.buffer);
const FORMATS: readonly { readonly BYTES_PER_ELEMENT: number }[] = [INT_8, INT_16, INT_32, FLOAT_64];
const LENGTHS: Uint8Array = new Uint8Array(TEXTS_MAX);
/** Of these V8 copies slices at once, and the copies are arrays without holes, of the kind that suits their items. */
const UNDEFINED_ITEMS: readonly unknown[] = Array.from({ length: NUMBERS_MAX }, () => undefined);
const INTEGER_ITEMS: readonly unknown[] = Array.from({ length: NUMBERS_MAX }, () => 0);
const DOUBLE_ITEMS: readonly unknown[] = Array.from({ length: NUMBERS_MAX }, () => 0.5);
