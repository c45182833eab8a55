/**
 * Ours: synchronisation objects between processes. Each function starts its partners, lets them warm up, measures here, and ends
 * them; the partners are the exported functions at the end of the file.
 */
import { load } from '../harness/driver-kit.js';

/** Acquisitions per second of all processes together, blocking. @param {{ processes: number, milliseconds: number }} params */
export async function lockContended({ processes, milliseconds }) {
  const { Barrier, Lock, RawValue } = await load('multiproc', 'Barrier', 'Lock', 'RawValue');
  const [lock, begin, stop] = [new Lock(), new Barrier(processes + 1), RawValue('i', 0)];
  const partners = await startAll(processes, contend, [lock, begin, stop]);
  await begin.wait();
  const start = performance.now();
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  stop.value = 1;
  const counts = await Promise.all(partners.map((partner) => partner.result()));
  return counts.reduce((sum, count) => sum + count) / ((performance.now() - start) / 1e3);
}

/** From a release here to the acquire there, half of a round trip over two semaphores, blocking. @param {Trips} params */
export async function handOffBlocking({ roundTrips, warmup }) {
  const { Semaphore } = await load('multiproc', 'Semaphore');
  const [there, back] = [new Semaphore(0), new Semaphore(0)];
  const [partner] = await startAll(1, returnBlocking, [there, back, roundTrips + warmup]);
  const bounce = (times) => {
    for (let i = 0; i < times; i++) {
      there.release();
      back.acquireSync();
    }
  };
  bounce(warmup);
  const us = microseconds(() => bounce(roundTrips));
  await partner.join();
  return us / roundTrips / 2;
}

/** As `handOffBlocking`, in event loops. @param {Trips} params */
export async function handOffAsync({ roundTrips, warmup }) {
  const { Semaphore } = await load('multiproc', 'Semaphore');
  const [there, back] = [new Semaphore(0), new Semaphore(0)];
  const [partner] = await startAll(1, returnAsync, [there, back, roundTrips + warmup]);
  const bounce = async (times) => {
    for (let i = 0; i < times; i++) {
      there.release();
      await back.acquire();
    }
  };
  await bounce(warmup);
  const start = performance.now();
  await bounce(roundTrips);
  const us = (performance.now() - start) * 1e3;
  await partner.join();
  return us / roundTrips / 2;
}

/** Two processes that wait for each other's turn with one condition, blocking; a round trip. @param {Trips} params */
export async function conditionPingPong({ roundTrips, warmup }) {
  const { Condition, Lock, RawValue } = await load('multiproc', 'Condition', 'Lock', 'RawValue');
  const [condition, turn] = [new Condition(new Lock()), RawValue('i', 0)];
  const [partner] = await startAll(1, takeTurns, [condition, turn, 1, roundTrips + warmup]);
  takeTurns(condition, turn, 0, warmup);
  const us = microseconds(() => takeTurns(condition, turn, 0, roundTrips));
  await partner.join();
  return us / roundTrips;
}

/** One pass of a barrier by `parties` processes, this one among them, blocking. @param {Trips & { parties: number }} params */
export async function barrierPass({ roundTrips, warmup, parties }) {
  const { Barrier } = await load('multiproc', 'Barrier');
  const barrier = new Barrier(parties);
  const partners = await startAll(parties - 1, passAll, [barrier, roundTrips + warmup]);
  passAll(barrier, warmup);
  const us = microseconds(() => passAll(barrier, roundTrips));
  await Promise.all(partners.map((partner) => partner.join()));
  return us / roundTrips;
}

/** From set() until all that waited have said so, blocking. @param {Trips & { waiters: number }} params */
export async function eventBroadcast({ roundTrips, warmup, waiters }) {
  const { Event, Semaphore } = await load('multiproc', 'Event', 'Semaphore');
  const [events, done] = [[new Event(), new Event()], new Semaphore(0)];
  const partners = await startAll(waiters, awaitAll, [...events, done, roundTrips + warmup]);
  const broadcast = (from, to) => {
    for (let i = from; i < to; i++) {
      events[(i + 1) % 2].clear();
      events[i % 2].set();
      for (let waiter = 0; waiter < waiters; waiter++) done.acquireSync();
    }
  };
  broadcast(0, warmup);
  const us = microseconds(() => broadcast(warmup, warmup + roundTrips));
  await Promise.all(partners.map((partner) => partner.join()));
  return us / roundTrips;
}

/** @typedef {{ roundTrips: number, warmup: number }} Trips */

async function startAll(count, target, args) {
  const { Process } = await load('multiproc', 'Process');
  return await Promise.all(Array.from({ length: count }, () => new Process({ target, args }).start()));
}

function microseconds(run) {
  const start = performance.now();
  run();
  return (performance.now() - start) * 1e3;
}

export function contend(lock, begin, stop) {
  begin.waitSync();
  let count = 0;
  while (stop.value === 0) {
    for (let i = 0; i < 100; i++) {
      lock.acquireSync();
      lock.release();
    }
    count += 100;
  }
  return count;
}

export function returnBlocking(there, back, times) {
  for (let i = 0; i < times; i++) {
    there.acquireSync();
    back.release();
  }
}

export async function returnAsync(there, back, times) {
  for (let i = 0; i < times; i++) {
    await there.acquire();
    back.release();
  }
}

export function takeTurns(condition, turn, mine, times) {
  condition.acquireSync();
  for (let i = 0; i < times; i++) {
    while (turn.value !== mine) condition.waitSync();
    turn.value = 1 - mine;
    condition.notify();
  }
  condition.release();
}

export function passAll(barrier, times) {
  for (let i = 0; i < times; i++) barrier.waitSync();
}

export function awaitAll(first, second, done, times) {
  for (let i = 0; i < times; i++) {
    (i % 2 === 0 ? first : second).waitSync();
    done.release();
  }
}
