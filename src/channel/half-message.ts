/**
 * Who waits for the rest of a message waits for something of it to come every 30 s at least; else the connection ends.
 *
 * Runs in every process, for each connection over a socket.
 */
import { ProtocolError } from '../errors.js';
import { now } from '../substrate/clock.js';
import type { FrameReader } from './frame-reader.js';

/** How long the other end may be silent within a message, in milliseconds. */
export const HALF_MESSAGE_MS = 30_000;

export class HalfMessage {
  readonly #reader: FrameReader;
  readonly #ended: () => void;
  #idle: NodeJS.Timeout | undefined;
  /** What was read when a blocking call last looked. */
  #progress = -1;

  /** @param ended Called in the event loop when the connection has ended so. */
  constructor(reader: FrameReader, ended: () => void) {
    this.#reader = reader;
    this.#ended = ended;
  }

  /** Something came, or may have. @param isAwaited Whether somebody waits for messages in the event loop. */
  watch(isAwaited: boolean): void {
    this.stop();
    if (!isAwaited || !this.#reader.isWithin) return;
    this.#idle = setTimeout(() => {
      this.#reader.fail(stuck());
      this.#ended();
    }, HALF_MESSAGE_MS);
    this.#idle.unref();
  }

  stop(): void {
    if (this.#idle !== undefined) clearTimeout(this.#idle);
    this.#idle = undefined;
  }

  /** For blocking calls: ends the connection if nothing has come for too long; gives since when nothing has. */
  assertMoving(beganAt: number | undefined): number | undefined {
    const { progress } = this.#reader;
    const time = now();
    if (!this.#reader.isWithin || progress !== this.#progress || beganAt === undefined) {
      this.#progress = progress;
      return time;
    }
    if (time - beganAt > HALF_MESSAGE_MS) this.#reader.fail(stuck());
    return beganAt;
  }
}

function stuck(): ProtocolError {
  return new ProtocolError(
    `Cannot receive: the other end began a message and sent nothing more of it for ${HALF_MESSAGE_MS / 1000} s; the connection ends`,
  );
}
