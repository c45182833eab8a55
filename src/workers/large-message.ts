/**
 * Decides how the bytes of a message travel: through the ring, or by a piece of shared memory.
 *
 * Runs in the engine and its workers.
 */
import type { Encoded } from '../wire/codec-types.js';
import { type MessageShelf, openShelf, type ShelvedMessage } from './message-shelf.js';

/** Shorter ones are through the ring as soon. */
const SHELVED_MIN = 131_072;

/** How messages are encoded that may be large: bytes of that length go straight into shared memory. */
export const LARGE_BYTES: { readonly gather: true; readonly gatherMin: number } = { gather: true, gatherMin: SHELVED_MIN };

/** One side's large messages; costs nothing before the first. */
export class LargeMessages {
  #shelf: MessageShelf | undefined;

  /** Puts a message into shared memory, if it is large and there is room. */
  put({ buffer, start, end, parts }: Encoded): ShelvedMessage | undefined {
    const length = parts === undefined ? end - start : lengthOf(parts);
    if (length < SHELVED_MIN) return undefined;
    this.#shelf ??= openShelf();
    return this.#shelf.put(parts ?? [buffer.subarray(start, end)], length);
  }

  /** Gives the memory back. */
  close(): void {
    this.#shelf?.close();
  }
}

/** The messages in shared memory that one worker may be reading, by the sequence number of their task. */
export class LentMessages {
  readonly #messages = new Map<number, ShelvedMessage>();

  lend(sequence: number, message: ShelvedMessage): void {
    message.retain();
    this.#messages.set(sequence, message);
  }

  /** It has read the message of this task, if that had one, or never will. */
  back(sequence: number): void {
    const message = this.#messages.get(sequence);
    if (message === undefined) return;
    this.#messages.delete(sequence);
    message.release();
  }

  allBack(): void {
    for (const sequence of this.#messages.keys()) this.back(sequence);
  }
}

/** The message in one piece of memory of its own, behind room for a header. */
export function inOnePiece(encoded: Encoded, headerBytes: number): Encoded {
  const { parts, definitions, holds } = encoded;
  if (parts === undefined) return encoded;
  const end = headerBytes + lengthOf(parts);
  const buffer = Buffer.allocUnsafeSlow(end);
  let at = headerBytes;
  for (const part of parts) {
    buffer.set(part, at);
    at += part.length;
  }
  return { buffer, start: headerBytes, end, definitions, holds };
}

function lengthOf(parts: readonly Uint8Array[]): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}
