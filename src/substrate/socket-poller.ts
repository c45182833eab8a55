/**
 * Tells this thread's event loop which of its sockets became readable or ended, or writable.
 *
 * Runs in every process and thread that waits for a socket. Each change is told once: who is told tries until nothing
 * more is there. A socket that nobody waits for keeps neither the event loop nor itself alive.
 */
import { binding } from '../native/binding.js';
import { orThrow, systemError } from './failure.js';

/** Who is told. */
export interface PollTarget {
  ready(): void;
}

/** The sockets of this thread. */
export class SocketPoller {
  readonly #poller: number;
  readonly #ids = new Int32Array(EVENTS_MAX);
  readonly #targets = new Map<number, WeakRef<PollTarget>>();
  readonly #held = new Set<PollTarget>();
  #nextId = 1;

  constructor() {
    this.#poller = orThrow(
      'wait for sockets',
      binding().pollerOpen((count) => this.#tell(count), this.#ids),
    );
  }

  /** From now on tells `target` of the socket; the number is for `remove`. @throws {ResourceExhaustedError} */
  add(fd: number, target: PollTarget): number {
    const id = this.#nextId;
    this.#nextId = (id + 1) | 0;
    const errno = binding().pollerAdd(this.#poller, fd, id);
    if (errno !== 0) throw systemError('wait for a socket', errno, 'epoll_ctl');
    this.#targets.set(id, new WeakRef(target));
    return id;
  }

  /** Whether the target is told, too, when it becomes writable, or is so now. */
  wantWritable(fd: number, id: number, wanted: boolean): void {
    const errno = binding().pollerChange(this.#poller, fd, id, wanted);
    if (errno !== 0) throw systemError('wait for a socket', errno, 'epoll_ctl');
  }

  /** To be called before the descriptor is closed: another process may have the same socket. */
  remove(fd: number, id: number): void {
    if (this.#targets.delete(id)) binding().pollerRemove(this.#poller, fd);
  }

  /** Keeps the event loop and the target alive until `release`. */
  hold(target: PollTarget): void {
    if (this.#held.has(target)) return;
    if (this.#held.size === 0) binding().pollerKeepAlive(this.#poller, true);
    this.#held.add(target);
  }

  release(target: PollTarget): void {
    if (this.#held.delete(target) && this.#held.size === 0) binding().pollerKeepAlive(this.#poller, false);
  }

  #tell(count: number): void {
    // Whoever is told may wait anew, which reads further ids into the same place.
    const ready = [...this.#ids.subarray(0, count)];
    for (const id of ready) this.#targets.get(id)?.deref()?.ready();
  }
}

/** That of this thread. */
export function socketPoller(): SocketPoller {
  return (own ??= new SocketPoller());
}

let own: SocketPoller | undefined;
const EVENTS_MAX = 64;
