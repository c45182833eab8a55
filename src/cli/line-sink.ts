/**
 * Writes lines to a file descriptor at the reader's pace.
 *
 * Runs in the parent. Writes go through the thread pool, not `process.stdout`: on a pipe that one blocks the event
 * loop, and with it Ctrl-C and task timeouts, for as long as the reader is slow.
 */
import { write } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from './usage-error.js';

/** Buffered, ordered output; never more than the high water mark plus one call's text in memory. */
export class LineSink {
  readonly #fd: number;
  readonly #onFailure: (error: unknown) => void;
  #waiting: string[] = [];
  #waitingLength = 0;
  #pumping: Promise<void> | undefined;
  #failed = false;

  /** @param onFailure Called once, with the first error; everything written afterwards is dropped. */
  constructor(fd: number, onFailure: (error: unknown) => void) {
    this.#fd = fd;
    this.#onFailure = onFailure;
  }

  /** Takes the text over; resolves when there is room for more. Never rejects. */
  async write(text: string): Promise<void> {
    if (this.#failed || text === '') return;
    this.#waiting.push(text);
    this.#waitingLength += text.length;
    this.#pumping ??= this.#pump();
    if (this.#waitingLength > HIGH_WATER_LENGTH) await this.#pumping;
  }

  /** Resolves when everything is written, or the sink has failed. */
  async flush(): Promise<void> {
    while (this.#pumping !== undefined) await this.#pumping;
  }

  async #pump(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const bytes = Buffer.from(this.#waiting.join(''));
        this.#waiting = [];
        this.#waitingLength = 0;
        await writeAll(this.#fd, bytes);
      }
    } catch (error) {
      this.#failed = true;
      this.#waiting = [];
      this.#waitingLength = 0;
      this.#onFailure(error);
    } finally {
      this.#pumping = undefined;
    }
  }
}

async function writeAll(fd: number, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    try {
      written += await writeSome(fd, bytes, written);
    } catch (error) {
      // Somebody who shares this pipe has made it non-blocking: the reader is behind.
      if (codeOf(error) !== 'EAGAIN') throw error;
      await delay(FULL_PIPE_RETRY_MS);
    }
  }
}

function writeSome(fd: number, bytes: Buffer, start: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, start, bytes.length - start, null, (error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

const HIGH_WATER_LENGTH = 256 * 1024;
const FULL_PIPE_RETRY_MS = 5;
