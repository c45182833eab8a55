/**
 * The messages with shared objects that one end of a connection has sent and the other end has not accepted yet.
 *
 * Runs in senders. `send` waits until its message was accepted, so that who ends afterwards takes nothing back. Where both
 * ends are in one process nobody can wait for itself: there it goes on at once, and a thread waits at its end, for a moment.
 * That the other end is gone is looked for every 100 ms, whatever else it sent before.
 */
import { ChannelClosedError, ClosedError, TimeoutError } from '../errors.js';
import { now } from '../substrate/clock.js';
import { isFamilyProcess } from '../substrate/participants.js';
import { isMember } from '../substrate/self.js';
import type { SocketHandle } from '../substrate/socket-handle.js';
import type { Parcel } from './parcel.js';

export class Handovers {
  readonly #handle: SocketHandle;
  /** Of whom this process is not the receiver, and those of whom it is. */
  readonly #awaited = new Set<Parcel>();
  readonly #left = new Set<Parcel>();
  #peer: number | undefined;
  #look: NodeJS.Timeout | undefined;
  #closed = false;
  #done: (() => void) | undefined;

  constructor(handle: SocketHandle) {
    this.#handle = handle;
  }

  /** Whether the other end was made by a process of this family. */
  get leadToFamily(): boolean {
    if (this.#peer !== undefined) return true;
    const pid = isMember() ? this.#handle.peerProcess() : undefined;
    if (pid !== undefined && isFamilyProcess(pid)) this.#peer = pid;
    return this.#peer !== undefined;
  }

  /** Resolves when a parcel was accepted that is being `written`. @throws {ChannelClosedError|ClosedError} If it never will be. */
  async hand(parcel: Parcel, written: Promise<void>): Promise<void> {
    try {
      await written;
      if (this.#peer === process.pid) this.#leave(parcel);
      else await this.#await(parcel);
    } catch (error) {
      parcel.end();
      throw error;
    }
  }

  /** As `hand`, but blocks this thread. */
  handSync(parcel: Parcel): void {
    if (this.#peer === process.pid) {
      this.#leave(parcel);
      return;
    }
    for (;;) {
      try {
        parcel.point.waitSync(() => this.#outcome(parcel), LOOK_MS, 'send');
        parcel.end();
        return;
      } catch (error) {
        if (error instanceof TimeoutError) continue;
        parcel.end();
        throw error;
      }
    }
  }

  /** The connection is closed here. What others may still receive keeps the socket open: `then` closes it. */
  close(then: () => void): void {
    this.#closed = true;
    for (const { point } of this.#awaited) point.pump();
    if (this.#left.size === 0) {
      then();
      return;
    }
    this.#handle.shutdown();
    this.#handle.release(); // nobody here waits for it
    this.#done = then;
  }

  /** This thread ends: waits, for a moment, until others of its process have accepted what it left. */
  finish(deadline: number): void {
    for (const parcel of this.#left) {
      const isSettled = () => !parcel.isOffered || this.#handle.isPeerGone() || undefined;
      try {
        parcel.point.waitSync(isSettled, Math.max(0, deadline - now()), 'end');
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
      }
      parcel.end();
    }
  }

  async #await(parcel: Parcel): Promise<void> {
    this.#awaited.add(parcel);
    this.#begin();
    try {
      await parcel.point.waitAsync(() => this.#outcome(parcel), undefined, 'send');
      parcel.end();
    } finally {
      this.#awaited.delete(parcel);
      this.#pause();
    }
  }

  /** True: it was accepted; undefined: it may still be. */
  #outcome(parcel: Parcel): true | undefined {
    if (!parcel.isOffered) return true;
    if (!this.#closed && !this.#handle.isPeerGone()) return undefined;
    if (!parcel.end()) return true; // accepted meanwhile
    if (this.#closed)
      throw new ClosedError('Cannot send: the connection was closed in this process before the message was received');
    throw new ChannelClosedError('Cannot send: the other end of the connection is closed, or its process ended');
  }

  #leave(parcel: Parcel): void {
    this.#left.add(parcel);
    keepAtEnd(this);
    this.#begin();
  }

  #begin(): void {
    this.#look ??= setInterval(() => {
      for (const { point } of this.#awaited) point.pump();
      const isGone = this.#handle.isPeerGone();
      for (const parcel of this.#left) {
        if (parcel.isOffered && !isGone) continue;
        parcel.end();
        this.#left.delete(parcel);
      }
      this.#pause();
    }, LOOK_MS).unref();
  }

  #pause(): void {
    if (this.#awaited.size + this.#left.size > 0) return;
    unread.delete(this);
    clearInterval(this.#look);
    this.#look = undefined;
    this.#done?.();
    this.#done = undefined;
  }
}

/** Has this thread, when it ends, wait for what it left. */
function keepAtEnd(handovers: Handovers): void {
  unread.add(handovers);
  if (!listens && !process.getBuiltinModule('node:worker_threads').isMainThread) process.once('exit', finishAll);
  listens = true;
}

function finishAll(): void {
  const deadline = now() + END_MS;
  for (const each of unread) each.finish(deadline);
}

const unread = new Set<Handovers>();
let listens = false;
const LOOK_MS = 100;
const END_MS = 500;
