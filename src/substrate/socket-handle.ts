/**
 * A stream socket of this thread: a listening one or a connection.
 *
 * Runs in every process and thread. Nothing here blocks but `waitSync`. A handle that is garbage is closed, as are those
 * of a thread that ends.
 */
import { binding } from '../native/binding.js';
import { isFailure, orThrow, systemError } from './failure.js';
import { WAIT_SLICE_MS } from './fault.js';
import { catchUp } from './put-off.js';
import { type PollTarget, type SocketPoller, socketPoller } from './socket-poller.js';

/** A path, or a numeric address and a port. */
export type SocketPlace = { readonly path: string } | { readonly host: string; readonly port: number };

/** Neither bytes nor the end are there, or no room for more. */
export const WOULD_BLOCK = -1;

export class SocketHandle implements PollTarget {
  readonly fd: number;
  #watch: Watch | undefined;
  #listener: (() => void) | undefined;
  #closed = false;

  /** Takes over the descriptor, which is closed at the end of this thread already. */
  constructor(fd: number) {
    this.fd = fd;
    garbage.register(this, { fd, watch: undefined }, this);
  }

  /** Listens. A path must not exist yet; only its owner can connect to it. @throws {SystemError} Such as `EADDRINUSE`. */
  static listen(place: SocketPlace, backlog: number): SocketHandle {
    const fd = binding().socketListen(...numbered(place), backlog);
    return new SocketHandle(orThrow(`listen at ${nameOf(place)}`, fd));
  }

  /** Begins to connect; done as soon as it is writable and `assertConnected` does not throw. @throws {SystemError} */
  static connect(place: SocketPlace): SocketHandle {
    const fd = binding().socketConnect(...numbered(place));
    return new SocketHandle(orThrow(`connect to ${nameOf(place)}`, fd));
  }

  /** The two ends of a stream: one for this thread, and one for whoever it is given to. @throws {ResourceExhaustedError} */
  static pair(): [own: SocketHandle, other: SocketHandle] {
    const [own, other] = orThrow('make a pair of sockets', binding().socketEnds());
    return [new SocketHandle(own), new SocketHandle(other)];
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @throws {SystemError} If connecting failed. */
  assertConnected(place: SocketPlace): void {
    const errno = binding().socketError(this.fd);
    if (errno !== 0) throw systemError(`connect to ${nameOf(place)}`, errno, 'connect');
  }

  /** The next connection, if there is one. @throws {ResourceExhaustedError} If there is none left to be had. */
  accept(): SocketHandle | undefined {
    for (;;) {
      const fd = binding().socketAccept(this.fd);
      if (fd >= 0) return new SocketHandle(fd);
      if (fd === -EAGAIN) return undefined;
      if (!GONE_BEFORE_ACCEPT.has(-fd)) throw systemError('accept a connection', -fd, 'accept4');
    }
  }

  /**
   * Bytes read, 0 at the end, or `WOULD_BLOCK`.
   *
   * @param wait Blocks this thread for 100 ms, if nothing is there.
   * @throws {SystemError} Such as `ECONNRESET`.
   */
  read(into: Uint8Array, offset: number, length: number, wait = false): number {
    const count = binding().socketRead(this.fd, into, offset, length, wait);
    if (count >= 0) return count;
    if (count === -EAGAIN) return WOULD_BLOCK;
    throw systemError('receive', -count, 'recv');
  }

  /** Bytes written, or `WOULD_BLOCK`. @throws {SystemError} Such as `EPIPE`. */
  write(bytes: Uint8Array, offset: number, length: number, more: boolean): number {
    const count = binding().socketWrite(this.fd, bytes, offset, length, more);
    if (count >= 0) return count;
    if (count === -EAGAIN) return WOULD_BLOCK;
    throw systemError('send', -count, 'send');
  }

  /** Ends what is sent, for all who have the socket. */
  shutdown(): void {
    binding().socketShutdown(this.fd);
  }

  /** Blocks this thread until it is readable or writable; false: not in time, which is 100 ms at most. */
  waitSync(what: 'readable' | 'writable', timeoutMs: number): boolean {
    if (timeoutMs > 0) catchUp();
    const answer = binding().socketWait(this.fd, what === 'writable', Math.min(timeoutMs, WAIT_SLICE_MS));
    if (answer < 0) throw systemError('wait for a socket', -answer, 'ppoll');
    return answer > 0;
  }

  /** Where it is, or where the other end is. @throws {SystemError} If there is no other end any more. */
  place(end: 'own' | 'peer'): SocketPlace {
    return orThrow('name a socket', binding().socketName(this.fd, end === 'peer'));
  }

  /** The user whose process is at the other end of a socket with a path; undefined if that is not known. */
  peerUser(): number | undefined {
    const owner = binding().socketOwner(this.fd);
    return isFailure(owner) ? undefined : owner.uid;
  }

  /** Whether it is one with a path, or of a pair: both ends are on this machine. */
  get isLocal(): boolean {
    const place = binding().socketName(this.fd, false);
    return !isFailure(place) && 'path' in place;
  }

  /** The process that made the other end of a socket with a path; undefined if that is not known. */
  peerProcess(): number | undefined {
    const owner = binding().socketOwner(this.fd);
    return isFailure(owner) || owner.pid <= 0 ? undefined : owner.pid;
  }

  /** Whether the other end of a socket with a path is closed by all who had it, also while there is more to read. */
  isPeerGone(): boolean {
    return this.#closed || binding().socketGone(this.fd);
  }

  /** Calls `listener` in the event loop each time it becomes readable or ends, and writable where that is wanted. */
  onReady(listener: () => void): void {
    this.#listener = listener;
    if (this.#watch !== undefined || this.#closed) return;
    const poller = socketPoller();
    this.#watch = { poller, id: poller.add(this.fd, this) };
    garbage.unregister(this);
    garbage.register(this, { fd: this.fd, watch: this.#watch }, this);
  }

  /** Whether the listener is called when there is room to write, or at once if there is. */
  wantWritable(wanted: boolean): void {
    if (this.#watch !== undefined) this.#watch.poller.wantWritable(this.fd, this.#watch.id, wanted);
  }

  ready(): void {
    this.#listener?.();
  }

  /** Keeps the event loop alive until `release`. */
  hold(): void {
    this.#watch?.poller.hold(this);
  }

  release(): void {
    this.#watch?.poller.release(this);
  }

  /** Gives the descriptor up without closing it. */
  detach(): number {
    this.#end();
    binding().forgetBell(this.fd);
    return this.fd;
  }

  close(): void {
    if (this.#closed) return;
    this.#end();
    binding().closeFd(this.fd);
  }

  #end(): void {
    this.#closed = true;
    garbage.unregister(this);
    this.#listener = undefined;
    if (this.#watch === undefined) return;
    this.#watch.poller.release(this);
    this.#watch.poller.remove(this.fd, this.#watch.id);
    this.#watch = undefined;
  }
}

interface Watch {
  readonly poller: SocketPoller;
  readonly id: number;
}

function numbered(place: SocketPlace): [place: string, port: number] {
  return 'path' in place ? [place.path, PATH] : [place.host, place.port];
}

/** How the user would write it. */
export function nameOf(place: SocketPlace): string {
  return 'path' in place ? `'${place.path.replace('\0', '\\0')}'` : `${place.host}:${place.port}`;
}

/** In place of a port. */
const PATH = -1;
const EAGAIN = 11;
/** What is said of a connection that ended before it was accepted: the next one may be well. */
const GONE_BEFORE_ACCEPT: ReadonlySet<number> = new Set([1, 4, 64, 71, 92, 95, 100, 101, 103, 112, 113]);

const garbage = new FinalizationRegistry<{ fd: number; watch: Watch | undefined }>(({ fd, watch }) => {
  watch?.poller.remove(fd, watch.id);
  binding().closeFd(fd);
});
