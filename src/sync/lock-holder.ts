/**
 * Who of a thread holds a re-entrant lock: the thread itself, or the async flow of one `run`.
 *
 * Runs in every process and thread. The shared word knows threads only; which flow of its thread has it is known here,
 * in the thread's own memory: no other process can see a difference.
 */
import type { AsyncLocalStorage } from 'node:async_hooks';
import { InvalidStateError } from '../errors.js';

/** A flow that holds locks by `run`, or the thread; each has a description of its own. */
export type Holder = symbol;

/** The thread itself: whoever calls outside of any `run`. */
export const THREAD: Holder = Symbol('thread');

let flowsEver = 0;
let flows: AsyncLocalStorage<ReadonlyMap<object, Holder>> | undefined;

/** As whom the running code may hold `lock`. */
export function holderOf(lock: object): Holder {
  return flows?.getStore()?.get(lock) ?? THREAD;
}

/** A flow of its own. */
export function newFlow(): Holder {
  return Symbol(`flow ${++flowsEver}`);
}

/** A flow ended that held the lock so often more than it was to. */
export function heldTooLong(surplus: number): InvalidStateError {
  const times = surplus === 1 ? 'once' : `${surplus} times`;
  return new InvalidStateError(
    `Cannot end RLock.run() with the lock held: it was acquired ${times} more than released within it`,
  );
}

/** Runs `f` as a flow of its own: what it calls, also later, may hold `lock` as nobody else. */
export function runAsFlow<T>(lock: object, f: () => T, flow: Holder = newFlow()): T {
  flows ??= new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)<ReadonlyMap<object, Holder>>();
  const holders = new Map(flows.getStore() ?? []);
  holders.set(lock, flow);
  return flows.run(holders, f);
}
