/**
 * Starts a child process as its launcher sees it: memory for the private link, a slot, the operating system's
 * process; and says when and how it ended.
 *
 * Runs in parents. Start method `spawn`: a fresh node. Knows nothing of what the child runs.
 */
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type ProcessPhase, SystemError } from '../errors.js';
import { collectLogs, collectRest } from '../logging/collector.js';
import { sweepOnce } from '../memory/shared-memory-records.js';
import { binding } from '../native/binding.js';
import { fileBeside, fileOfPackage } from '../native/own-files.js';
import { retainHolds } from '../sharing/shared-kinds.js';
import type { Piece } from '../substrate/allocator.js';
import { arena } from '../substrate/arena.js';
import { Bell } from '../substrate/doorbell.js';
import { orThrow } from '../substrate/failure.js';
import { Link, linkBytes } from '../substrate/link.js';
import type { MessageHandler } from '../substrate/ring-consumer.js';
import { claimSlot, describeSlot, freeSlot, type ParticipantId } from '../substrate/participants.js';
import { reclaimParticipant, self } from '../substrate/self.js';
import type { Definition, Encoded } from '../wire/codec-types.js';
import { Inbox, Shipper } from '../wire/shipper.js';
import { openChildFds } from './child-fds.js';
import { END, NOTHING } from './frames.js';
import { withoutCertificates } from './late-certificates.js';
import { reaper } from './reaper.js';

/** What a child needs whatever it is. */
export interface ChildRequest {
  /** Of a thread, for debuggers and (from Node 24 on) for the operating system. */
  readonly name?: string;
  /** Bytes of each ring of the link; a power of two. */
  readonly capacity: number;
  /** Bytes of zeroed memory that parent and child share beside the link. Default 0. */
  readonly sharedBytes?: number;
  readonly onMessage: MessageHandler;
  /** Called once, after everything that the child sent was handled. */
  readonly onExit: (child: Child) => void;
}

/** What to start as a process. */
export interface LaunchRequest extends ChildRequest {
  /** The child's program, one of our entry files. */
  readonly entry: 'process-entry.cjs' | 'worker-entry.cjs';
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string | undefined;
  readonly stdio: 'inherit' | 'pipe' | 'ignore';
  readonly detached: boolean;
}

/** Where a child finds its parent. */
export interface Place {
  readonly participant: ParticipantId;
  readonly linkOffset: number;
  /** Steps that undo a start that fails half-way. */
  readonly undo: (() => void)[];
  /** Sends a message without content to the child, once it is started. */
  readonly send: (kind: number) => void;
}

/** A child that runs, as the operating system or node gives it. */
export interface Started {
  readonly pid: number;
  /** The write end of its doorbell where it is known. */
  readonly bell: Bell;
  readonly stdout: ChildStream | null;
  readonly stderr: ChildStream | null;
  /** Calls back once, never from within this call, with the exit code or negative signal. */
  watch(onEnd: (status: number) => void): void;
  /** Learns of its end now if it is known. */
  look(): void;
  /** Sends a signal, 0 for none; false: there is nobody to deliver it to. */
  signal(number: number): boolean;
  /** A new file descriptor that is readable when it is dead, or −1. */
  pidfd(): number;
}

/** What a child writes. */
export type ChildStream = Readable & { unref?(): unknown };

/** Starts a child in its place: the one thing that differs between processes and threads. */
export type Starter = (place: Place) => Started;

let executable = process.execPath;

/** Uses another node, by its path or file URL, for children started from now on. @python `set_executable()` */
export function setExecutable(path: string | URL): void {
  const file = path instanceof URL && path.protocol === 'file:' ? fileURLToPath(path) : path;
  if (typeof file !== 'string' || file === '')
    throw new TypeError(`Cannot set the executable: path must be a non-empty string or a file URL, received ${String(path)}`);
  executable = file;
}

/** Starts a child: as a function, so that the bundle can load this module when the first child is started. */
export function launch(request: LaunchRequest): Child {
  prepareLaunch();
  return new Child(request, (place) => startProcess(request, place));
}

/** @throws {SystemError} If this process may not start others. */
export function prepareLaunch(): void {
  // The addon is not asked by node: what the permission model forbids, it must not do behind its back.
  if (process.permission?.has('child') === false) {
    const denied = { code: 'EACCES', errno: 13, syscall: 'spawn' };
    throw new SystemError('Cannot start a process: the permission model forbids it; run node with --allow-child-process', denied);
  }
  sweepOnce();
}

/** Starts a child that is no process of its own. */
export function launchWith(start: Starter, request: ChildRequest): Child {
  return new Child(request, start);
}

/** What a child finds its way home by: the last argument of its command line. */
export function homeArgument(request: ChildRequest & { readonly detached?: boolean }, place: Place): string {
  return [place.participant, place.linkOffset, request.capacity, self().id, process.pid, request.detached === true ? 1 : 0].join(
    ',',
  );
}

/** A started child. */
export class Child {
  readonly pid: number;
  readonly stdout: ChildStream | null;
  readonly stderr: ChildStream | null;
  /** The memory beside the link. */
  readonly shared: Int32Array;
  phase: ProcessPhase = 'starting';
  /** Exit code or negative signal number, as soon as the kernel has said it. */
  exitCode: number | null = null;
  /** The code that the child announced before it ended; undefined: it did not. */
  announced: number | undefined;
  /** The link carried garbage. */
  garbage: unknown;
  readonly #started: Started;
  readonly #participant: ParticipantId;
  readonly #memory: Piece;
  readonly #link: Link;
  readonly #shipper: Shipper;
  readonly #inbox: Inbox;
  readonly #onExit: (child: Child) => void;
  /** Shared objects that the child may not have opened yet. */
  readonly #releases: (() => void)[] = [];
  #settled = false;

  /** @throws {SystemError} If the process cannot be started; nothing is left then. */
  constructor(request: ChildRequest, start: Starter) {
    const { allocator, doorbell, id } = self();
    this.#participant = claimSlot(id);
    const undo: (() => void)[] = [() => freeSlot(this.#participant)];
    try {
      this.#memory = allocator.allocate(linkBytes(request.capacity) + (request.sharedBytes ?? 0), { private: true });
      undo.push(() => allocator.free(this.#memory));
      this.#started = start({
        participant: this.#participant,
        linkOffset: this.#memory.offset,
        undo,
        send: (kind) => this.sendBytes(kind, NOTHING, 0, 0),
      });
      if (this.#started.pid !== process.pid) describeSlot(this.#participant, this.#started.pid);
      ({ pid: this.pid, stdout: this.stdout, stderr: this.stderr } = this.#started);
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    }
    this.shared = arena().words(this.#memory.offset + linkBytes(request.capacity), request.sharedBytes ?? 4);
    this.#onExit = request.onExit;
    this.#inbox = new Inbox((kind, buffer, start, end, owned) => {
      if (kind === END) this.announced = new DataView(buffer.buffer, buffer.byteOffset + start, 4).getInt32(0, true);
      else request.onMessage(kind, buffer, start, end, owned);
    });
    this.#link = new Link({
      offset: this.#memory.offset,
      capacity: request.capacity,
      end: 'first',
      peer: this.#started.bell,
      onMessage: this.#inbox.receive,
      onGarbage: (error) => {
        this.garbage ??= error;
        this.signal(SIGKILL);
      },
    });
    this.#shipper = new Shipper((kind, buffer, start, end) => this.#link.send(kind, buffer, start, end));
    doorbell.add(this.#link);
    collectLogs(this.#participant);
    this.#started.watch((status) => this.#ended(status));
  }

  /** Sends a message, after the definitions it needs. Never blocks; to a dead child it is lost. */
  send(kind: number, encoded: Encoded): void {
    this.ship(encoded.definitions);
    if (encoded.holds.length > 0) this.#releases.push(retainHolds(encoded.holds));
    this.sendBytes(kind, encoded.buffer, encoded.start, encoded.end);
  }

  /** The child has what was sent to it: shared objects in it are its own now. */
  opened(): void {
    for (const release of this.#releases.splice(0)) release();
  }

  ship(definitions: readonly Definition[]): void {
    if (definitions.length > 0 && this.exitCode === null) this.#shipper.ship(definitions);
  }

  sendBytes(kind: number, buffer: Uint8Array, start: number, end: number): void {
    if (this.exitCode === null && this.garbage === undefined) this.#link.send(kind, buffer, start, end);
  }

  /** Messages that do not fit into the ring yet. */
  get backlog(): number {
    return this.#link.backlog;
  }

  /** Whether the kernel still runs it, as far as it is known at this moment. */
  isAlive(): boolean {
    if (this.exitCode === null) this.#started.look();
    return this.exitCode === null;
  }

  /** Sends a signal; false: it is dead already. */
  signal(number: number): boolean {
    return this.exitCode === null && this.#started.signal(number);
  }

  /** A new file descriptor that is readable when the process is dead, or −1. */
  pidfd(): number {
    return this.#started.pidfd();
  }

  #ended(status: number): void {
    this.exitCode = status;
    if (this.#link.pumping) {
      setImmediate(() => this.#ended(status)); // asked for from within a handler: what it sent must be read first
      return;
    }
    this.#link.readToEnd();
    this.#inbox.whenIdle(() => {
      if (this.#settled) return;
      this.#settled = true;
      collectRest(this.#participant);
      this.#onExit(this); // may still read the shared memory
      const { allocator, doorbell } = self();
      doorbell.remove(this.#link);
      this.opened();
      this.#started.bell.close();
      reclaimParticipant(this.#participant);
      allocator.free(this.#memory);
    });
  }
}

const SIGKILL = 9;

function startProcess(request: LaunchRequest, place: Place): Started {
  const { participant, undo } = place;
  const native = binding();
  const given = openChildFds(request.stdio, undo);
  const { doorbell } = self();
  const fds = [...given.stdio, arena().fd, doorbell.writeFd, given.bellRead, given.bellWrite];
  const argv = [executable, ...request.execArgv, entryFile(request.entry), homeArgument(request, place)];
  const env = withoutCertificates(request.env, request.execArgv, executable);
  const started = orThrow(
    'start a process',
    native.spawn(doorbell.member, executable, argv, environment(env), request.cwd ?? null, fds, request.detached),
  );
  return { ...handleOf(started.id), pid: started.pid, bell: new Bell(participant, given.bellWrite), ...given.handOver() };
}

/** Variables as the kernel takes them. */
export function environment(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
}

/** The node of children started from now on. */
export function executablePath(): string {
  return executable;
}

/** What the supervisor knows a child by. */
export function handleOf(id: number): Pick<Started, 'watch' | 'look' | 'signal' | 'pidfd'> {
  return {
    watch: (onEnd) => reaper().watch(id, onEnd),
    look: () => void reaper().pump(),
    signal: (number) => binding().signalChild(id, number) === 0,
    pidfd: () => binding().childPidfd(id),
  };
}

/** Beside this code in the package, or in the package when this code is in somebody's bundle. */
export function entryFile(name: LaunchRequest['entry'] | 'forkserver-entry.cjs'): string {
  let file = entryFiles.get(name);
  if (file === undefined) {
    file = fileBeside(import.meta.url, `./${name}`, `../workers/${name}`) ?? fileOfPackage(`dist/bundle/${name}`);
    entryFiles.set(name, file);
  }
  return file;
}

const entryFiles = new Map<string, string>();
