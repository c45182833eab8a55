/**
 * Where the processes and threads of a family find the server of a manager, and learn that it is gone.
 *
 * Runs in every process and thread. A client puts one end of a fresh pipe into `connections` and uses the other.
 *
 * ```text
 * header word 5   0 serves, 1 was shut down, 2 its process died     6   participant + 1 of the server, 7   its pid
 *             8   objects that nobody has any more since the server looked last (`tickets.ts`)
 * byte 0          wait point of the server, for word 8
 * ```
 *
 * Who may die at which step: all is single words. A server that dies is found dead by its parent, which writes word 5,
 * or by a client that waits for it, which looks every 100 ms whether the process still is.
 */
import { ClosedError, ManagerDiedError } from '../errors.js';
import type { Connection } from '../channel/connection.js';
import { SimpleQueue } from '../channel/simple-queue.js';
import { joinAsMember } from '../sharing/member.js';
import { readPlace, writePlace } from '../sharing/shared-extension.js';
import { adoptPiece, constructOn, KIND, pieceFor, type SharedKind } from '../sharing/shared-kinds.js';
import { LINE_BYTES } from '../substrate/layout.js';
import { isEntered, isProcessAlive, type ParticipantId } from '../substrate/participants.js';
import { self } from '../substrate/self.js';
import { FIRST_OWN_WORD, headerAt } from '../substrate/shared-piece.js';
import { WAIT_POINT_BYTES, WaitPoint } from '../substrate/wait-point.js';
import type { Caller } from './caller.js';

const STATE = FIRST_OWN_WORD;
const SERVER: number = FIRST_OWN_WORD + 1;
const PID: number = FIRST_OWN_WORD + 2;
const FORGOTTEN: number = FIRST_OWN_WORD + 3;
const SHUT_DOWN = 1;
const DIED = 2;

/** One for each manager and thread. */
export class ManagerDoor {
  readonly connections: SimpleQueue<Connection>;
  /** How objects of this manager are called from this thread; set by whoever calls first. */
  caller: Caller | undefined;
  readonly #header: Int32Array;
  readonly #point: WaitPoint;
  readonly offset: number;

  constructor(connections: SimpleQueue<Connection> = new SimpleQueue()) {
    joinAsMember();
    const piece = pieceFor(KIND.MANAGER, WAIT_POINT_BYTES);
    this.connections = connections;
    this.offset = piece.offset;
    this.#header = piece.header;
    this.#point = new WaitPoint(piece.body, true);
    adoptPiece(this, piece, managerKind);
  }

  /** The pid of the server; 0: it has not started yet. */
  get pid(): number {
    return Atomics.load(this.#header, PID);
  }

  /** Says that this thread is the server. */
  enterServer(): void {
    Atomics.store(this.#header, PID, process.pid);
    Atomics.store(this.#header, SERVER, self().id + 1);
  }

  /** Says that the server has ended in order. */
  shutDown(): void {
    Atomics.compareExchange(this.#header, STATE, 0, SHUT_DOWN);
  }

  /** Why the server cannot be called any more; undefined while it can. */
  whyEnded(act: string): ClosedError | ManagerDiedError | undefined {
    const state = Atomics.load(this.#header, STATE);
    if (state === SHUT_DOWN) return new ClosedError(`Cannot ${act}: the manager was shut down`);
    if (state === DIED || !this.#isServerAlive()) return this.died(act);
    return undefined;
  }

  /** The error for a server that is gone without a word, or in order. */
  died(act: string): ClosedError | ManagerDiedError {
    if (Atomics.load(this.#header, STATE) === SHUT_DOWN) return new ClosedError(`Cannot ${act}: the manager was shut down`);
    Atomics.compareExchange(this.#header, STATE, 0, DIED);
    return new ManagerDiedError(`Cannot ${act}: the server process of the manager (pid ${this.pid}) is gone`);
  }

  /** Resolves in the server when objects were forgotten. */
  async whenForgotten(signal: AbortSignal): Promise<void> {
    await this.#point.waitAsync(
      () => (Atomics.exchange(this.#header, FORGOTTEN, 0) === 0 ? undefined : true),
      { signal },
      'wait for forgotten objects',
    );
  }

  #isServerAlive(): boolean {
    const server = Atomics.load(this.#header, SERVER);
    return server === 0 || (isEntered(server - 1) && isProcessAlive(server - 1));
  }
}

/** Tells a server that objects were forgotten. */
export function noteForgotten(door: number): void {
  Atomics.add(headerAt(door), FORGOTTEN, 1);
  new WaitPoint(door + LINE_BYTES, true).wake();
}

function died(offset: number, dead: ParticipantId, header: Int32Array): void {
  if (Atomics.load(header, SERVER) !== dead + 1) return;
  Atomics.compareExchange(header, STATE, 0, DIED);
  new WaitPoint(offset + LINE_BYTES, true).wakeAfterDeath();
}

/** How doors are sent. */
export const managerKind: SharedKind = {
  kind: KIND.MANAGER,
  write: (facade, out) => writePlace((facade as ManagerDoor).connections, out),
  read: (input) => readPlace(input),
  open: (piece, connections) => constructOn(piece, () => new ManagerDoor(connections as SimpleQueue<Connection>)),
  died,
};
