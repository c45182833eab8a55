/**
 * Every public error class of multiproc, in one hierarchy below `ProcessError`.
 *
 * Runs in every process. Never imports anything of the library: each layer may throw these.
 * `code` is stable (`ERR_MP_…`); a `SystemError` carries the kernel's code (`ENOSPC`) instead.
 */

/** The part of a worker's life in which it died. */
export type ProcessPhase = 'starting' | 'initializing' | 'idle' | 'running' | 'returning';

/** Base of all errors that multiproc itself raises. @python `multiprocessing.ProcessError` */
export class ProcessError extends Error {
  readonly code: string;
  constructor(message: string, options?: ErrorOptions & { code?: string }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = options?.code ?? 'ERR_MP_PROCESS';
  }
}
Object.defineProperty(ProcessError.prototype, 'name', { value: 'ProcessError', configurable: true, writable: true });

/** Defines the class name on the prototype: one string per class instead of one per instance. */
function named(errorClass: { prototype: Error }, name: string): void {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, configurable: true, writable: true });
}

/** Something was used after close, shutdown or terminate. */
export class ClosedError extends ProcessError {
  constructor(message: string, options?: ErrorOptions & { code?: string }) {
    super(message, { code: 'ERR_MP_CLOSED', ...options });
  }
}
named(ClosedError, 'ClosedError');

/** A channel is closed at this end, or its last peer is gone. @python `EOFError`, `BrokenPipeError` */
export class ChannelClosedError extends ClosedError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_CHANNEL_CLOSED', ...options });
  }
}
named(ChannelClosedError, 'ChannelClosedError');

/** A wait ran out of time. @python `TimeoutError` */
export class TimeoutError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_TIMEOUT', ...options });
  }
}
named(TimeoutError, 'TimeoutError');

/** The task was cancelled; `cause` is the abort reason where there was one. @python `CancelledError` */
export class CancelledError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_CANCELLED', ...options });
  }
}
named(CancelledError, 'CancelledError');

/** Wrong order or state: start twice, join before start, a result set twice. @python `InvalidStateError` */
export class InvalidStateError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_INVALID_STATE', ...options });
  }
}
named(InvalidStateError, 'InvalidStateError');

/** The peer does not hold the same key. @python `AuthenticationError` */
export class AuthenticationError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_AUTHENTICATION', ...options });
  }
}
named(AuthenticationError, 'AuthenticationError');

/** The message did not fit into the caller's buffer; `bytes` has all of it. @python `BufferTooShort` */
export class BufferTooShortError extends ProcessError {
  readonly bytes: Uint8Array;
  constructor(message: string, bytes: Uint8Array) {
    super(message, { code: 'ERR_MP_BUFFER_TOO_SHORT' });
    this.bytes = bytes;
  }
}
named(BufferTooShortError, 'BufferTooShortError');

/** `getNowait()` found nothing. @python `queue.Empty` */
export class QueueEmptyError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_QUEUE_EMPTY', ...options });
  }
}
named(QueueEmptyError, 'QueueEmptyError');

/** `putNowait()` or `submit()` found no room. @python `queue.Full` */
export class QueueFullError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_QUEUE_FULL', ...options });
  }
}
named(QueueFullError, 'QueueFullError');

/** The queue was shut down. @python `queue.ShutDown` */
export class QueueShutDownError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_QUEUE_SHUT_DOWN', ...options });
  }
}
named(QueueShutDownError, 'QueueShutDownError');

/** A value or function cannot be sent; nothing was sent. @python `PicklingError` */
export class SerializationError extends ProcessError {
  /** Where the bad value stands, such as `args[1].cb`. */
  readonly path: string;
  readonly direction: 'send' | 'receive';
  constructor(message: string, options: ErrorOptions & { path: string; direction?: 'send' | 'receive'; code?: string }) {
    super(message, { code: options.code ?? 'ERR_MP_SERIALIZATION', cause: options.cause });
    this.path = options.path;
    this.direction = options.direction ?? 'send';
  }
}
named(SerializationError, 'SerializationError');

/** Received bytes could not be turned into a value; only that one value is lost. @python `UnpicklingError` */
export class DeserializationError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_DESERIALIZATION', ...options });
  }
}
named(DeserializationError, 'DeserializationError');

/** A message is above the limit in bytes of its channel. */
export class MessageTooLargeError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_MESSAGE_TOO_LARGE', ...options });
  }
}
named(MessageTooLargeError, 'MessageTooLargeError');

/** The other process sent bytes that are no frame of ours; its channel is given up. */
export class ProtocolError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_PROTOCOL', ...options });
  }
}
named(ProtocolError, 'ProtocolError');

/** The executor is unusable; `cause` is the first reason. @python `BrokenExecutor` */
export class BrokenExecutorError extends ProcessError {
  constructor(message: string, options?: ErrorOptions & { code?: string }) {
    super(message, { code: 'ERR_MP_BROKEN_EXECUTOR', ...options });
  }
}
named(BrokenExecutorError, 'BrokenExecutorError');

/** A worker process died; `cause` is its `ProcessDiedError`. @python `BrokenProcessPool` */
export class BrokenProcessPoolError extends BrokenExecutorError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_BROKEN_PROCESS_POOL', ...options });
  }
}
named(BrokenProcessPoolError, 'BrokenProcessPoolError');

/** A worker thread died or its initializer failed. @python `BrokenThreadPool` */
export class BrokenThreadPoolError extends BrokenExecutorError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_BROKEN_THREAD_POOL', ...options });
  }
}
named(BrokenThreadPoolError, 'BrokenThreadPoolError');

/** The barrier was reset, aborted, timed out, or a party died. @python `BrokenBarrierError` */
export class BrokenBarrierError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_BROKEN_BARRIER', ...options });
  }
}
named(BrokenBarrierError, 'BrokenBarrierError');

/** The owner of a lock died holding it; every acquire fails until somebody calls `recover()`. */
export class LockOwnerDiedError extends ProcessError {
  /** The dead owner, as far as it is known. */
  readonly pid: number | undefined;
  constructor(message: string, options?: ErrorOptions & { pid?: number | undefined }) {
    super(message, { code: 'ERR_MP_LOCK_OWNER_DIED', cause: options?.cause });
    this.pid = options?.pid;
  }
}
named(LockOwnerDiedError, 'LockOwnerDiedError');

/** What is known of a dead process. */
export interface ProcessDeath {
  pid?: number | undefined;
  exitCode: number | null;
  signal?: NodeJS.Signals | null;
  phase: ProcessPhase;
  taskId?: number | undefined;
  hint?: string | undefined;
}

/** A process ended without announcing it: by a signal, a native exit, or `process.exit(n)` with n ≠ 0. */
export class ProcessDiedError extends ProcessError {
  readonly pid: number | undefined;
  /** The exit code; negative: the signal's number; null: not known. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly phase: ProcessPhase;
  readonly taskId: number | undefined;
  readonly hint: string | undefined;
  constructor(message: string, death: ProcessDeath, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_PROCESS_DIED', ...options });
    this.pid = death.pid;
    this.exitCode = death.exitCode;
    this.signal = death.signal ?? null;
    this.phase = death.phase;
    this.taskId = death.taskId;
    this.hint = death.hint;
  }
}
named(ProcessDiedError, 'ProcessDiedError');

/** A worker missed its heartbeat (stopped, or its native threads starve). */
export class WorkerUnresponsiveError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_WORKER_UNRESPONSIVE', ...options });
  }
}
named(WorkerUnresponsiveError, 'WorkerUnresponsiveError');

/** The manager's server process is gone. */
export class ManagerDiedError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_MANAGER_DIED', ...options });
  }
}
named(ManagerDiedError, 'ManagerDiedError');

/** A system call failed; `code` is the kernel's name for the reason. @python `OSError` */
export class SystemError extends ProcessError {
  readonly errno: number;
  readonly syscall: string;
  constructor(message: string, failure: { code: string; errno: number; syscall: string }, options?: ErrorOptions) {
    super(message, { ...options, code: failure.code });
    this.errno = failure.errno;
    this.syscall = failure.syscall;
  }
}
named(SystemError, 'SystemError');

/** Memory, file descriptors or processes ran out: `ENOSPC`, `EMFILE`, `ENFILE`, `ENOMEM`, `EAGAIN`. */
export class ResourceExhaustedError extends SystemError {}
named(ResourceExhaustedError, 'ResourceExhaustedError');

/**
 * Carries the other process's stack as the last `cause` of an error that came from there;
 * by itself only for a thrown non-error, which is then its `value`.
 */
export class RemoteError extends ProcessError {
  /** The thrown value, where it was no `Error`. */
  readonly value: unknown;
  /** The class name of an error that could not be rebuilt here. */
  readonly remoteName: string | undefined;
  constructor(message: string, options?: ErrorOptions & { value?: unknown; remoteName?: string | undefined; stack?: string }) {
    super(message, { code: 'ERR_MP_REMOTE', cause: options?.cause });
    this.value = options?.value;
    this.remoteName = options?.remoteName;
    if (options?.stack !== undefined) {
      Object.defineProperty(this, 'stack', { value: options.stack, configurable: true, writable: true });
    }
  }
}
named(RemoteError, 'RemoteError');

/** This platform cannot run what was asked. */
export class UnsupportedPlatformError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'ERR_MP_UNSUPPORTED_PLATFORM', ...options });
  }
}
named(UnsupportedPlatformError, 'UnsupportedPlatformError');
