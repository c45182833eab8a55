/**
 * The shared memory of a pipe: a store of items for each direction, and who has gone.
 *
 * Runs in every process and thread.
 *
 * ```text
 * header word 5   bit 0: nobody has the first end any more; bit 1: the second
 * byte 0          what the first end sent: items, wait point of its receivers, wait point of its senders
 * byte HALF       what the second end sent: the same
 * ```
 *
 * Each end is a shared object of its own, which holds this one. When its last holder lets go, or is found dead, the end
 * is marked as gone and the others are woken: so the end of a connection is seen however its peer ended.
 */
import { LINE_BYTES } from '../substrate/layout.js';
import type { ParticipantId } from '../substrate/participants.js';
import { FIRST_OWN_WORD, headerAt, releaseCount } from '../substrate/shared-piece.js';
import { WAIT_POINT_BYTES, WaitPoint } from '../substrate/wait-point.js';
import { countLost, freeSegments, ITEM_STORE_BYTES } from './item-store.js';

const GONE = FIRST_OWN_WORD;
const RECEIVERS: number = ITEM_STORE_BYTES;
const SENDERS: number = RECEIVERS + WAIT_POINT_BYTES;
const HALF: number = SENDERS + WAIT_POINT_BYTES;
/** Words of an end's header: the pipe in lines of 64 bytes, and what the end is. */
const PIPE_LINE = FIRST_OWN_WORD;
const END: number = FIRST_OWN_WORD + 1;

/** Bytes of a pipe's body. */
export const PIPE_BYTES: number = 2 * HALF;

/** What an end is. */
export interface EndRole {
  readonly index: 0 | 1;
  readonly readable: boolean;
  readonly writable: boolean;
}

/** Where one direction lies. */
export interface Direction {
  readonly store: number;
  readonly receivers: number;
  readonly senders: number;
}

/** The direction in which an end sends. */
export function directionFrom(pipe: number, index: 0 | 1): Direction {
  const store = pipe + LINE_BYTES + index * HALF;
  return { store, receivers: store + RECEIVERS, senders: store + SENDERS };
}

/** Notes in an end's header what it is. */
export function writeRole(header: Int32Array, pipe: number, { index, readable, writable }: EndRole): void {
  Atomics.store(header, PIPE_LINE, (pipe / LINE_BYTES) | 0);
  Atomics.store(header, END, index | (readable ? READABLE : 0) | (writable ? WRITABLE : 0));
}

/** What an end is, and where its pipe is. */
export function readRole(header: Int32Array): EndRole & { pipe: number } {
  const end = Atomics.load(header, END);
  return {
    pipe: (Atomics.load(header, PIPE_LINE) >>> 0) * LINE_BYTES,
    index: (end & 1) as 0 | 1,
    readable: (end & READABLE) !== 0,
    writable: (end & WRITABLE) !== 0,
  };
}

/** Whether nobody has an end any more. */
export function isGone(header: Int32Array, index: 0 | 1): boolean {
  return (Atomics.load(header, GONE) & (1 << index)) !== 0;
}

/** Nobody has this end any more: the other side learns it. */
export function endFreed(_offset: number, header: Int32Array): void {
  const { pipe, index } = readRole(header);
  Atomics.or(headerAt(pipe), GONE, 1 << index);
  wakeAll(pipe);
  releaseCount(pipe);
}

/** Somebody who had this end died. */
export function endDied(_offset: number, dead: ParticipantId, header: Int32Array): void {
  const { pipe, index } = readRole(header);
  countLost(dead, directionFrom(pipe, (1 - index) as 0 | 1).store);
  wakeAll(pipe);
}

/** Frees what was sent and never received. */
export function pipeFreed(offset: number): void {
  for (const index of [0, 1] as const) freeSegments(directionFrom(offset, index).store);
}

function wakeAll(pipe: number): void {
  for (const index of [0, 1] as const) {
    const { receivers, senders } = directionFrom(pipe, index);
    for (const point of [receivers, senders]) new WaitPoint(point, true).wake();
  }
}

const READABLE = 2;
const WRITABLE = 4;
