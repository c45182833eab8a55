/**
 * A page of the arena that is cut into small pieces of one size (`allocator.ts`).
 *
 * Runs in every process and thread. Only the owner of the page's extent takes pieces, anybody gives them back. Its first 256 bytes
 * are the header, whose second half is a bitmap of the pieces that are taken.
 *
 * Who may die at which step: a piece is zeroed before the one operation that takes it, and given back by one.
 */
import type { Arena } from './arena.js';
import { faultPoint } from './fault.js';
import { PAGE_BYTES } from './layout.js';

const HEADER_BYTES = 256;
const BITMAP_WORD = 32;

/** The offset of a piece of `2 ** shift` zeroed bytes; 0: none is left. */
export function takeFromSlab(arena: Arena, base: number, shift: number): number {
  const words = arena.words(base, PAGE_BYTES);
  const count = PAGE_BYTES >> shift;
  const first = Math.ceil(HEADER_BYTES / (1 << shift));
  for (let word = 0; word * 32 < count; word++) {
    const bits = Atomics.load(words, BITMAP_WORD + word);
    if (bits === -1) continue;
    for (let bit = 0; bit < 32; bit++) {
      const index = word * 32 + bit;
      if (index < first || index >= count || (bits & (1 << bit)) !== 0) continue;
      const offset = base + (index << shift);
      words.fill(0, (offset - base) / 4, (offset - base + (1 << shift)) / 4);
      faultPoint('arena.beforeCommit');
      Atomics.or(words, BITMAP_WORD + word, 1 << bit);
      return offset;
    }
  }
  return 0;
}

/** Gives a piece back. */
export function giveToSlab(arena: Arena, base: number, offset: number, shift: number): void {
  const index = (offset - base) >> shift;
  Atomics.and(arena.words(base, PAGE_BYTES), BITMAP_WORD + (index >> 5), ~(1 << (index & 31)));
}

/** Whether no piece of it is taken; asked by the owner of its extent, it stays so. */
export function isUnusedSlab(arena: Arena, base: number): boolean {
  return arena
    .words(base, HEADER_BYTES)
    .subarray(BITMAP_WORD)
    .every((bits) => bits === 0);
}
