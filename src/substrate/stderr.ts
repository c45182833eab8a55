/**
 * Lines for people, on stderr at once, where nothing can be awaited.
 *
 * Runs in every process and thread. A pipe whose reader is busy is waited for as long as something goes through.
 */

/** Without progress for so long there is no reader. */
const PATIENCE_MS = 5000;
const PAUSE_MS = 5;
const STDERR = 2;

/** Prints a line, whole. @throws {Error} If stderr is closed, or nobody reads it. */
export function printLine(line: string): void {
  const { writeSync } = process.getBuiltinModule('node:fs');
  const bytes = Buffer.from(`${line}\n`);
  let written = 0;
  let waited = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(STDERR, bytes, written);
      waited = 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || waited >= PATIENCE_MS) throw error;
      pause();
      waited += PAUSE_MS;
    }
  }
}

/** Streams of node that are not files do not block. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}
