/**
 * Random choices that a seed gives again, for loops that print it.
 *
 * Runs in test processes.
 */

/** Numbers in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Gives whole numbers from 0 on, below the one that it is given; below 0 or 1 there is 0. */
export type Choose = (below: number) => number;

/** Whole numbers. */
export function seededChoice(seed: number): Choose {
  const random = seededRandom(seed);
  return (below) => Math.floor(random() * below);
}
