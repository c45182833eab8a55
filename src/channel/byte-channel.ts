/**
 * What a connection over a stream of bytes needs of it: a socket, or TLS over one.
 *
 * Runs in every process. Types only.
 */

export interface ByteChannel {
  /**
   * Bytes read, 0 at the end, or `WOULD_BLOCK`.
   *
   * @param wait Blocks this thread for 100 ms, if nothing is there.
   * @throws {SystemError} If the stream broke. {InvalidStateError} If it cannot block.
   */
  read(into: Uint8Array, offset: number, length: number, wait?: boolean): number;
  /** Bytes taken, or `WOULD_BLOCK`; they may change afterwards. @throws {SystemError} If the stream broke. */
  write(bytes: Uint8Array, offset: number, length: number, more: boolean): number;
  /** Blocks this thread until it is readable or writable; false: not in time, which is 100 ms at most. @throws {InvalidStateError} If it cannot. */
  waitSync(what: 'readable' | 'writable', timeoutMs: number): boolean;
  /** Calls `listener` in the event loop each time more can be read, or written where that is wanted, or the stream ended. */
  onReady(listener: () => void): void;
  /** Whether somebody waits to write. */
  wantWritable(wanted: boolean): void;
  /** Keeps the event loop alive until `release`. */
  hold(): void;
  release(): void;
  close(): void;
}
