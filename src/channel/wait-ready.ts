/**
 * Waiting for several things at once.
 *
 * Runs in every process and thread.
 */
import type { Socket } from 'node:net';
import { type Wait, waitOptions } from '../substrate/wait-limit.js';
import { TimeoutError } from '../errors.js';
import { Connection } from './connection.js';
import { Listener } from './listener.js';
import { Queue } from './queue.js';
import type { Waitable } from './waitable.js';

/** What `waitReady` takes: connections, listeners, queues, processes and threads (by their sentinel), waitables, sockets. */
export type Ready = Connection | Listener | Queue | Waitable | { readonly sentinel: Waitable } | Socket;

/**
 * Waits until at least one of the objects is ready: a connection that has a message or whose other end is gone, a listener
 * to whom somebody connected, a queue that has an item or was shut down, a process that has ended, a waitable, a socket that has data or has ended.
 *
 * @returns Those that are ready, in their order; `[]` if time ran out, or at once if there is nothing to wait for and no limit.
 * @throws {TypeError} If one of them is none of these.
 * @python `multiprocessing.connection.wait`
 */
export async function waitReady<O extends Ready>(objects: Iterable<O>, wait?: Wait): Promise<O[]> {
  const { timeout, signal } = waitOptions(wait);
  signal?.throwIfAborted();
  const sources = [...objects].map((object) => ({ object, source: sourceOf(object) }));
  const ready = () => sources.filter(({ source }) => source.isReady()).map(({ object }) => object);
  const now = ready();
  if (now.length > 0 || timeout === 0 || (sources.length === 0 && timeout === undefined && signal === undefined)) return now;
  const over = new AbortController();
  const limits = { timeout, signal: signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]) };
  try {
    await Promise.race([...sources.map(({ source }) => source.whenReady(limits)), whenOver(limits)]);
    return ready();
  } catch (error) {
    if (error instanceof TimeoutError) return ready();
    throw error;
  } finally {
    over.abort();
  }
}

interface Source {
  isReady(): boolean;
  /** Settles when it is ready, or may never settle after the limits. */
  whenReady(limits: { timeout?: number | undefined; signal: AbortSignal }): Promise<void>;
}

function sourceOf(object: Ready): Source {
  if (object instanceof Connection) {
    return {
      isReady: () => Connection.transportOf(object).isReady(),
      whenReady: (limits) => silenced(Connection.transportOf(object).whenReady(limits)),
    };
  }
  if (object instanceof Listener) {
    return { isReady: () => Listener.isReady(object), whenReady: (limits) => silenced(Listener.whenReady(object, limits)) };
  }
  if (object instanceof Queue) {
    return { isReady: () => object.isReady(), whenReady: (limits) => silenced(object.whenReady(limits)) };
  }
  const waitable: unknown = isObject(object) && 'sentinel' in object ? object.sentinel : object;
  if (isWaitable(waitable)) return { isReady: () => waitable.isReady(), whenReady: () => waitable.ready };
  if (isSocket(object)) return socketSource(object);
  throw new TypeError(
    `Cannot wait: each object must be a connection, a listener, a queue, a process, a waitable or a socket, received ${typeof object}`,
  );
}

/** The same promise; its rejection after the race is over is nobody's business. */
function silenced(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined);
  return promise;
}

function whenOver({ timeout, signal }: { timeout?: number | undefined; signal: AbortSignal }): Promise<void> {
  return silenced(
    new Promise((_, reject) => {
      const timer =
        timeout === undefined
          ? undefined
          : setTimeout(() => reject(new TimeoutError('Cannot wait: nothing was ready')), Math.min(timeout, LONGEST_MS));
      signal.addEventListener(
        'abort',
        () => {
          clearTimeout(timer);
          reject(signal.reason as Error);
        },
        { once: true },
      );
    }),
  );
}

function socketSource(socket: Socket): Source {
  const isReady = () => socket.readableLength > 0 || socket.readableEnded || socket.destroyed;
  return {
    isReady,
    whenReady: ({ signal }) =>
      new Promise((resolve) => {
        const events = ['readable', 'end', 'close'] as const;
        const done = () => {
          for (const event of events) socket.off(event, done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        for (const event of events) socket.on(event, done);
        signal.addEventListener('abort', done, { once: true });
      }),
  };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isWaitable(value: unknown): value is Waitable {
  return isObject(value) && 'ready' in value && 'isReady' in value && typeof value.isReady === 'function';
}

function isSocket(value: unknown): value is Socket {
  return isObject(value) && 'readableLength' in value && 'destroyed' in value && 'on' in value;
}

const LONGEST_MS = 2 ** 31 - 1;
