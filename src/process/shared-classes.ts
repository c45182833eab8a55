/**
 * All classes whose objects processes share: loaded when the first of their objects arrives.
 *
 * Runs in every process.
 */
import { arrayKind, rawArrayKind } from '../memory/shared-array.js';
import { rawStructKind, structKind } from '../memory/struct.js';
import { rawValueKind, valueKind } from '../memory/value.js';
import { joinableQueueKind } from '../channel/joinable-queue.js';
import { parcelKind } from '../channel/parcel.js';
import { pipeEndKind, pipeKind } from '../channel/pipe.js';
import { netKinds } from '../channel/net-handles.js';
import { queueKind } from '../channel/queue.js';
import { simpleQueueKind } from '../channel/simple-queue.js';
import { socketKind } from '../channel/socket-sharing.js';
import { managedKind } from '../proxies/managed-handle.js';
import { managerKind } from '../proxies/manager-door.js';
import { remoteKind } from '../proxies/remote-place.js';
import { ticketsKind } from '../proxies/tickets.js';
import type { SharedKind } from '../sharing/shared-kinds.js';
import { barrierKind } from '../sync/barrier.js';
import { conditionKind } from '../sync/condition.js';
import { eventKind } from '../sync/event.js';
import { lockKind } from '../sync/lock.js';
import { rlockKind } from '../sync/rlock.js';
import { boundedSemaphoreKind, semaphoreKind } from '../sync/semaphore.js';

/** The kinds of all shared objects. */
export function sharedKinds(): readonly SharedKind[] {
  return [
    lockKind,
    rlockKind,
    semaphoreKind,
    boundedSemaphoreKind,
    conditionKind,
    eventKind,
    barrierKind,
    valueKind,
    rawValueKind,
    arrayKind,
    rawArrayKind,
    structKind,
    rawStructKind,
    queueKind,
    joinableQueueKind,
    simpleQueueKind,
    pipeKind,
    pipeEndKind,
    socketKind,
    ...netKinds(),
    parcelKind,
    managerKind,
    ticketsKind,
    managedKind,
    remoteKind,
  ];
}
