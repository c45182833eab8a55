/**
 * Starts one worker: its child, its name, the frames it gets first.
 *
 * Runs in the parent.
 */
import { adoptChild, type AdoptedChild } from '../process/adopt-child.js';
import { bootFor, childIdentity } from '../process/child-setup.js';
import { BOOT } from '../process/frames.js';
import type { ChildRequest } from '../process/launcher.js';
import { encodeValue } from '../wire/codec.js';
import type { Encoded } from '../wire/codec-types.js';
import type { WorkerKind } from './worker-kind.js';
import { Worker } from './worker.js';
import { periodOf } from './heartbeat.js';
import { BEAT, INIT, LIMIT, SHARED_BYTES } from './worker-frames.js';

const LINK_CAPACITY = 262_144;
/** From the start of a worker to its first message, in milliseconds. */
export const START_MS = 30_000;

let workersEver = 0;

/** What a worker is to be, and who is told of it. */
export interface WorkerStart {
  readonly kind: WorkerKind;
  readonly namePrefix: string;
  readonly maxTasks: number;
  readonly memoryLimitMb: number | undefined;
  readonly heartbeatMs: number | undefined;
  readonly initializer: Encoded;
  readonly onMessage: (worker: Worker, ...message: Parameters<ChildRequest['onMessage']>) => void;
  readonly onExit: (worker: Worker) => void;
  /** It has not said anything within `START_MS`. */
  readonly onLate: (worker: Worker) => void;
}

/** @returns The worker, and the Process by which it is listed among the active children. */
export function startWorker(start: WorkerStart): { worker: Worker; face: AdoptedChild } {
  const number = ++workersEver;
  const name = `${start.namePrefix}-${number}`;
  const boot = encodeValue(
    bootFor({ name, daemon: false, identity: childIdentity(number), startMethod: start.kind.startMethod }),
    'boot',
  );
  let started = false;
  const child = start.kind.launch({
    name,
    capacity: LINK_CAPACITY,
    sharedBytes: SHARED_BYTES,
    onMessage: (...message) => start.onMessage(worker, ...message),
    onExit: () => (started ? start.onExit(worker) : queueMicrotask(() => start.onExit(worker))), // it may be dead already
  });
  const worker: Worker = new Worker(number, name, child, start.maxTasks);
  const face = adoptChild(child, name, start.kind.base);
  worker.startLimit = setTimeout(() => start.onLate(worker), START_MS).unref();
  child.send(BOOT, boot);
  if (start.memoryLimitMb !== undefined) child.sendBytes(LIMIT, u32(start.memoryLimitMb), 0, 4);
  if (start.heartbeatMs !== undefined && start.kind.canBeStopped) child.sendBytes(BEAT, u32(periodOf(start.heartbeatMs)), 0, 4);
  child.send(INIT, start.initializer);
  started = true;
  return { worker, face };
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
