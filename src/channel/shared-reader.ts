/**
 * Reads messages of a socket connection in turn with other processes that have the same end of it.
 *
 * Runs in every process and thread that has such an end (`shared-socket.ts`). Who may die when: see `turns.ts`.
 */
import { ChannelClosedError } from '../errors.js';
import type { ByteChannel } from './byte-channel.js';
import type { Frame, FrameReader } from './frame-reader.js';
import type { SharedSocket } from './shared-socket.js';

export class SharedReader {
  readonly #shared: SharedSocket;
  readonly #reader: FrameReader;
  readonly #channel: ByteChannel;
  readonly #pump: () => void;

  /** @param pump Called when it is this thread's turn, where it was not at once. */
  constructor(shared: SharedSocket, reader: FrameReader, channel: ByteChannel, pump: () => void) {
    this.#shared = shared;
    this.#reader = reader;
    this.#channel = channel;
    this.#pump = pump;
    const { rest } = shared;
    reader.readExactly({
      read: (into, offset, length, wait) =>
        rest.size > 0 ? rest.read(into, offset, length) : channel.read(into, offset, length, wait),
    });
  }

  /** As `FrameReader.next`. */
  next(): Frame | undefined {
    const { receiving } = this.#shared;
    if (!this.isReady()) {
      if (!this.#reader.isWithin) receiving.giveUp(); // somebody else took it
      return undefined;
    }
    if (!receiving.takeOrAsk(this.#pump)) return undefined;
    try {
      receiving.begin();
      const frame = this.#reader.next();
      if (!this.#reader.isWithin) receiving.finish();
      return frame;
    } catch (error) {
      // At the end of the stream the others find it, too; of garbage nobody knows where it ends.
      if (error instanceof ChannelClosedError) receiving.finish();
      else receiving.break();
      throw error;
    }
  }

  /** Others may take the message before this process does. */
  isReady(): boolean {
    return this.#reader.isHolding || this.#shared.rest.size > 0 || this.#channel.waitSync('readable', 0);
  }

  /** Blocks this thread for so long while other processes are within a message; whether none is. */
  waitForTurn(timeoutMs: number): boolean {
    return !this.isReady() || this.#shared.receiving.takeSync(timeoutMs);
  }
}
