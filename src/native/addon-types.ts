/**
 * The typed surface of the C addon. Mechanism only: every rule, option and message is decided in TypeScript.
 *
 * Loaded by every process and thread; each has its own doorbell and guardians, all share the mapping.
 */

/** What a failed call answers; `substrate/failure.ts` makes an error of it. */
export interface NativeFailure {
  readonly errno: number;
  readonly syscall: string;
}

/** `lockAcquire` results. */
export const LOCK_TAKEN = 0;
export const LOCK_TAKEN_FROM_DEAD = 1;
export const LOCK_TIMED_OUT = 2;
export const LOCK_POISONED = 3;
export const LOCK_BUSY = 4;
export const LOCK_STAND_BACK = 5;

export interface Addon {
  /** Makes the family's memory of `size` bytes; the number is its file descriptor. */
  arenaCreate(size: number): number | NativeFailure;
  arenaAttach(fd: number): number | NativeFailure;
  arenaInfo(): { fd: number; size: number } | undefined;
  /** Makes pages real; 0 or an errno. */
  arenaReserve(offset: number, length: number): number;
  /** Gives pages back, they read as zero afterwards; 0 or an errno. */
  arenaDiscard(offset: number, length: number): number;
  arenaView(offset: number, length: number): ArrayBuffer | NativeFailure;

  /** From now on this process keeps freed memory to use it again. */
  keepFreedMemory(): void;

  /** Sleeps while the word at `offset` is `expected`; negative timeout: no limit. 0 woken, 1 changed, 2 timed out, 3 interrupted. */
  futexWait(offset: number, expected: number, timeoutMs: number): number;
  futexWake(offset: number, count: number): number;
  /** Looks, awake, until the word at `offset` is no longer `expected`: 1; 0: it is after so many microseconds, or there is one CPU only. */
  spinWhile(offset: number, expected: number, limitUs: number): number;
  /** Words as `mp_spin_learn` has them: the first is how many microseconds to look awake next time. */
  spinLearn(words: Int32Array, waitedUs: number): void;

  guardianStart(): { index: number; tid: number } | NativeFailure;
  guardianAdd(guardian: number, offset: number): number;
  guardianRemove(guardian: number, offset: number): number;
  /**
   * `timeoutMs` negative: no limit, 0: do not wait. `recover` takes a lock whose owner died; a `newcomer` lets those go first
   * who have waited for long.
   */
  lockAcquire(guardian: number, offset: number, timeoutMs: number, recover: boolean, newcomer: boolean): number;
  lockRelease(guardian: number, offset: number): number;

  /** One per copy of the library in a thread: a `member`. −1 for both makes a pipe. */
  doorbellOpen(
    callback: () => void,
    readFd: number,
    writeFd: number,
  ): { member: number; readFd: number; writeFd: number; alive: Int32Array } | NativeFailure;
  /**
   * Has it keep the event loop alive, for which the first word of `alive` must be 1. When that is 0 it is let go before the loop
   * sleeps; until then the second word is 1, and no call is needed.
   */
  doorbellKeepAlive(member: number): void;
  /** Only of the member that was opened last, and that has no slot of the family. */
  doorbellClose(member: number): void;
  ringFd(fd: number): number;
  /** A file descriptor, or a negative errno. */
  doorbellOfSlot(slot: number): number;
  /** Has a descriptor closed at the end of this thread unless `closeFd` comes first; 0 or an errno. */
  keepBell(fd: number): number;
  /** Undoes `keepBell`. */
  forgetBell(fd: number): void;
  ringFamily(): void;
  /** `claimed`: by another thread of this process, which frees the slot; else the end of this thread does. */
  ownSlot(member: number, slot: number, claimed: boolean): void;

  spawn(
    member: number,
    file: string,
    argv: string[],
    env: string[],
    cwd: string | null,
    fds: number[],
    newSession: boolean,
  ): { id: number; pid: number } | NativeFailure;
  /** Pairs of id and status (exit code or negative signal) of children that died since the last call. */
  takeExits(member: number): number[] | undefined;
  signalChild(id: number, signal: number): number;
  childPidfd(id: number): number;
  watchParent(pid: number): number;
  /** Of a parent that did not fork this process itself; without `die` it is only asked for. 0 or an errno. */
  watchParentPidfd(pidfd: number, die: boolean): number;
  /** Whether the parent of `watchParentPidfd` lives. */
  parentLives(): boolean;
  /** From now on a native thread adds to the word at `offset` at least every `everyMs` milliseconds; 0 or an errno. */
  beat(offset: number, everyMs: number): number;
  /** Whether /proc is there, and of this process's own PID namespace. */
  procIsOurs(): boolean;
  /** Clock ticks since boot; 0: no such process. */
  processStartTime(pid: number): number;
  exitNow(code: number): never;
  ignoreTerminalInterrupt(parentPid: number): number;
  /** Has node read this file of certificates, unless it has made its list of them; ENOSYS: it cannot be asked. null: only says that. */
  extraCertificates(path: string | null): number;
  /** Has a duplicate of the descriptor kept for who asks for the token; 0 or an errno. */
  keeperKeep(token: number, fd: number): number;
  /** A duplicate of what is kept, closed at the end of this thread unless `closeFd` or `forgetBell` comes first; or a negative errno. */
  keeperTake(token: number): number;
  keeperDrop(token: number): number;
  /** Random bytes of the kernel's, for keys; 0 or an errno. */
  randomFill(bytes: Uint8Array): number;
  pipe(): [number, number] | NativeFailure;
  closeFd(fd: number): number;
  duplicateFd(fd: number): number;

  /**
   * Sockets are closed at the end of this thread unless `closeFd` or `forgetBell` comes first.
   *
   * One that listens at a numeric address, or with port −1 at a path, which only its owner may connect to.
   */
  socketListen(place: string, port: number, backlog: number): number | NativeFailure;
  /** A socket that is connected, or will be when it is writable and has no `socketError`. */
  socketConnect(place: string, port: number): number | NativeFailure;
  /** The two ends of a stream. */
  socketEnds(): [number, number] | NativeFailure;
  socketError(fd: number): number;
  /** A file descriptor, or a negative errno. */
  socketAccept(fd: number): number;
  socketName(fd: number, peer: boolean): { host: string; port: number } | { path: string } | NativeFailure;
  /** Who is at the other end of a socket with a path. */
  socketOwner(fd: number): { pid: number; uid: number } | NativeFailure;
  /** Bytes read, 0 at the end, or a negative errno. `wait`: for 100 ms, if nothing is there. */
  socketRead(fd: number, into: Uint8Array, offset: number, length: number, wait: boolean): number;
  /** Bytes written, or a negative errno. `more`: others follow at once. */
  socketWrite(fd: number, bytes: Uint8Array, offset: number, length: number, more: boolean): number;
  /** Ends what is sent, whoever else has the socket; 0 or an errno. */
  socketShutdown(fd: number): number;
  /** Whether the other end of a local stream is closed, whatever is there to be read. */
  socketGone(fd: number): boolean;
  /** Blocks: 1 ready, 0 timed out, or a negative errno. `timeoutMs` negative: no limit. */
  socketWait(fd: number, writable: boolean, timeoutMs: number): number;
  /** Calls back with how many of `ids` (64 numbers) are those of sockets that became readable or ended, or writable. */
  pollerOpen(callback: (count: number) => void, ids: Int32Array): number | NativeFailure;
  pollerAdd(poller: number, fd: number, id: number): number;
  /** Whether writable is of interest, too. */
  pollerChange(poller: number, fd: number, id: number, writable: boolean): number;
  pollerRemove(poller: number, fd: number): number;
  pollerKeepAlive(poller: number, alive: boolean): void;
  /** Two connected sockets without a name, of whole messages or a stream; closed at the end of this thread unless `closeFd` comes first. */
  socketPair(messages: boolean): [number, number] | NativeFailure;
  /** A file descriptor of a process, closed at the end of this thread unless `closeFd` comes first; or a negative errno. */
  pidfdOpen(pid: number): number;
  /** The parent's end of a fork server, with the sockets' descriptors, until this thread ends; `id` as `spawn` gave it. */
  forkServerOpen(id: number, calls: number, reaps: number): number | NativeFailure;
  /** What it said first; undefined: nothing yet. */
  forkServerGreeting(calls: number): string | undefined | NativeFailure;
  /** It kills what it still has, and ends. */
  forkServerClose(server: number): void;
  /** Blocks until the child is there. A failure of the syscall "forkserver" is the server's: it is of no use any more. */
  forkChild(
    server: number,
    member: number,
    request: string,
    cwd: string | null,
    fds: readonly number[],
    detached: boolean,
  ): { id: number; pid: number } | NativeFailure;
  /** The one request to a server that does not fork; 0 or an errno. */
  becomeChild(calls: number, request: string, fds: readonly number[], detached: boolean): number;
  /** Whether V8 hands nothing to the platform's threads any more. */
  giveUpPlatformThreads(): boolean;
  /** Never returns in a server that forks, but in each of its children, with its pid: before anybody asks for it. */
  serveForks(calls: number, reaps: number, bell: number, greeting: string, forks: boolean): number | NativeFailure;
  /** Whether `awaitOrder` would not block; blocks for so long until it would not. */
  orderComes(withinMs: number): boolean;
  /** Blocks until this process is asked for: what for, and descriptors from the fourth on. A failure: it never will be. */
  awaitOrder(): { request: string; fds: number[] } | NativeFailure;
  /**
   * Calls back each time that the event loop would have nothing to wait for, and with `true` if that is still so then. From
   * now on the loop never ends by itself.
   */
  watchLoopEnd(callback: (final: boolean) => void): void;

  /** A file as memory; with a size, the file is made so large and its pages real. */
  sharedMemoryMap(fd: number, size: number): ArrayBuffer | NativeFailure;
  /** Detaches the buffer; its memory is unmapped soon after. */
  sharedMemoryUnmap(buffer: ArrayBuffer): void;

  /** Only in the test build. */
  fault?(point: string): number;
  readonly layout: Readonly<Record<string, number>>;
}
