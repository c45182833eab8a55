/**
 * Which level is wanted of a category, by a list of entries.
 *
 * Runs in every process.
 */
import type { LevelEntry } from './level-table.js';
import { OFF } from './levels.js';

/** The level of the entry that names the longest part of the category. */
export function wantedLevel(entries: readonly LevelEntry[], category: readonly string[]): number {
  let best: LevelEntry | undefined;
  for (const entry of entries) {
    const [names] = entry;
    if (names.length > category.length || names.length < (best?.[0].length ?? 0)) continue;
    if (names.every((name, index) => name === category[index])) best = entry;
  }
  return best?.[1] ?? OFF;
}

/** The entries with nothing above `level` any more. */
export function atLeast(entries: readonly LevelEntry[], level: number): LevelEntry[] {
  if (level >= OFF) return [...entries];
  const lowered = entries.map(([category, wanted]): LevelEntry => [category, Math.min(wanted, level)]);
  return lowered.some(([category]) => category.length === 0) ? lowered : [[[], level], ...lowered];
}
