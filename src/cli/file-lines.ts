/**
 * The lines of an open file with their places in bytes.
 *
 * Runs in the parent. Synchronous: a journal is read before anything else happens.
 */
import { readSync } from 'node:fs';

/** One line of a file. */
export interface FileLine {
  readonly offset: number;
  /** In bytes, without the newline. */
  readonly length: number;
  readonly text: string;
}

/** Every line that ends with a newline, from the start of the file. */
export function* completeLines(fd: number): Generator<FileLine> {
  const chunk = Buffer.allocUnsafe(READ_BYTES);
  let unfinished = Buffer.alloc(0);
  let lineStart = 0;
  for (let position = 0; ; ) {
    const count = readSync(fd, chunk, 0, chunk.length, position);
    if (count === 0) return;
    position += count;
    const bytes = Buffer.concat([unfinished, chunk.subarray(0, count)]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      yield { offset: lineStart, length: end - start, text: bytes.toString('utf8', start, end) };
      lineStart += end - start + 1;
      start = end + 1;
    }
    unfinished = Buffer.from(bytes.subarray(start));
  }
}

const NEWLINE = 10;
const READ_BYTES = 1024 * 1024;
