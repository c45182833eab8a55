/**
 * A byte stream cut into records: lines, or NUL-separated names.
 *
 * Runs in the parent. Holds one chunk and one unfinished record, however long the stream is.
 */

/** The byte that ends a record. */
export type Separator = '\n' | '\0';

/**
 * Yields the records that each chunk completes, so a slow producer's records are not held back.
 *
 * - A last record without separator counts; an empty stream has none.
 * - Lines lose a `\r` before the `\n`; the first record loses a byte order mark.
 */
export async function* splitRecords(chunks: AsyncIterable<Buffer>, separator: Separator): AsyncGenerator<string[]> {
  const byte = separator.charCodeAt(0);
  let unfinished: Buffer[] = [];
  let first = true;
  const decode = (bytes: Buffer[]): string[] => {
    const text = Buffer.concat(bytes).toString('utf8');
    const records = (first && text.startsWith('\uFEFF') ? text.slice(1) : text).split(separator);
    first = false;
    return separator === '\n' && text.includes('\r') ? records.map(withoutCarriageReturn) : records;
  };
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(byte);
    if (end === -1) {
      unfinished.push(chunk);
      continue;
    }
    const complete = [...unfinished, chunk.subarray(0, end)];
    unfinished = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : [];
    yield decode(complete);
  }
  if (unfinished.length > 0) yield decode(unfinished);
}

function withoutCarriageReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
