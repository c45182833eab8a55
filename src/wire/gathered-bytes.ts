/**
 * Long bytes of a message that are not copied into it: the message is parts, some of them memory of the value.
 *
 * Runs in every process.
 */

/** Shorter bytes are copied: a part of their own costs more. */
export const GATHERED_MIN = 16_384;

export class GatheredBytes {
  readonly #found: { readonly at: number; readonly bytes: Uint8Array; readonly length: number }[] = [];

  get count(): number {
    return this.#found.length;
  }

  /** Adds bytes that belong `at` bytes behind the start of what is written. */
  add(at: number, bytes: Uint8Array): void {
    this.#found.push({ at, bytes, length: bytes.length });
  }

  /** Forgets all but the first `count`; how many bytes the others had. */
  rewind(count: number): number {
    return this.#found.splice(count).reduce((sum, { length }) => sum + length, 0);
  }

  /** Bytes whose length is no longer what was written, because a getter of the value has shrunk them. */
  changed(): Uint8Array | undefined {
    return this.#found.find(({ bytes, length }) => bytes.length !== length)?.bytes;
  }

  /** The message in parts. */
  parts(written: Uint8Array): Uint8Array[] {
    const parts: Uint8Array[] = [];
    let from = 0;
    for (const { at, bytes } of this.#found) {
      parts.push(written.subarray(from, at), bytes);
      from = at;
    }
    parts.push(written.subarray(from));
    return parts;
  }
}
