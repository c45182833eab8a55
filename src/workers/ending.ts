/**
 * Whether this process is ending: what is submitted then would never run.
 *
 * Runs in the parent.
 */
let ending = false;
let watching = false;

export function isEnding(): boolean {
  return ending;
}

/** From now on `isEnding` knows. Before all other listeners, which may submit something. */
export function watchEnding(): void {
  if (watching) return;
  watching = true;
  process.prependListener('exit', () => {
    ending = true;
  });
}
