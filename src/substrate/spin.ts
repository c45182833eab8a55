/**
 * Waiting awake: for what comes within microseconds, where a sleep and a wake would take longer.
 *
 * Runs in every process and thread.
 */
import { binding } from '../native/binding.js';

/** Looks until the word at `offset` of the arena is no longer `expected`. False: it is after so many microseconds, or there is one CPU only. */
export function spinWhile(offset: number, expected: number, limitUs: number): boolean {
  return binding().spinWhile(offset, expected, limitUs) !== 0;
}
