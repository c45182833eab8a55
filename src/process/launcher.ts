/**
 * Starts a child process as its launcher sees it: memory for the private link, a slot, the operating system's
 * process; and says when and how it ended.
 *
 * Runs in parents. Start method `spawn`: a fresh node. Knows nothing of what the child runs.
 */
import type { Socket } from 'node:net';
import { openSync } from 'node:fs';
import { type ProcessPhase, SystemError } from '../errors.js';
import { binding } from '../native/binding.js';
import { fileBeside, fileOfPackage } from '../native/own-files.js';
import type { Piece } from '../substrate/allocator.js';
import { arena } from '../substrate/arena.js';
import { Bell } from '../substrate/doorbell.js';
import { orThrow, systemError } from '../substrate/failure.js';
import { Link, linkBytes } from '../substrate/link.js';
import type { MessageHandler } from '../substrate/ring.js';
import { claimSlot, freeSlot, type ParticipantId } from '../substrate/participants.js';
import { reclaimParticipant, self } from '../substrate/self.js';
import type { Definition, Encoded } from '../wire/codec-types.js';
import { Inbox, Shipper } from '../wire/shipper.js';
import { END } from './frames.js';
import { reaper } from './reaper.js';

/** What to start. */
export interface LaunchRequest {
  /** The child's program, one of our entry files. */
  readonly entry: 'process-entry.cjs' | 'worker-entry.cjs';
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string | undefined;
  readonly stdio: 'inherit' | 'pipe' | 'ignore';
  readonly detached: boolean;
  /** Bytes of each ring of the link; a power of two. */
  readonly capacity: number;
  /** Bytes of zeroed memory that parent and child share beside the link. Default 0. */
  readonly sharedBytes?: number;
  readonly onMessage: MessageHandler;
  /** Called once, after everything that the child sent was handled. */
  readonly onExit: (child: Child) => void;
}

let executable = process.execPath;

/** Uses another node for children started from now on. @python `set_executable()` */
export function setExecutable(path: string): void {
  if (typeof path !== 'string' || path === '')
    throw new TypeError(`Cannot set the executable: path must be a non-empty string, received ${String(path)}`);
  executable = path;
}

/** Starts a child: as a function, so that the bundle can load this module when the first child is started. */
export function launch(request: LaunchRequest): Child {
  // The addon is not asked by node: what the permission model forbids, it must not do behind its back.
  if (process.permission?.has('child') === false) {
    const denied = { code: 'EACCES', errno: 13, syscall: 'spawn' };
    throw new SystemError('Cannot start a process: the permission model forbids it; run node with --allow-child-process', denied);
  }
  return new Child(request);
}

/** A started child. */
export class Child {
  readonly pid: number;
  readonly stdout: Socket | null;
  readonly stderr: Socket | null;
  /** The memory beside the link. */
  readonly shared: Int32Array;
  phase: ProcessPhase = 'starting';
  /** Exit code or negative signal number, as soon as the kernel has said it. */
  exitCode: number | null = null;
  /** The code that the child announced before it ended; undefined: it did not. */
  announced: number | undefined;
  /** The link carried garbage. */
  garbage: unknown;
  readonly #id: number;
  readonly #participant: ParticipantId;
  readonly #memory: Piece;
  readonly #bell: Bell;
  readonly #link: Link;
  readonly #shipper: Shipper;
  readonly #inbox: Inbox;
  readonly #onExit: (child: Child) => void;
  /** Shared objects that the child may not have opened yet. */
  readonly #holds: object[] = [];
  #settled = false;

  /** @throws {SystemError} If the process cannot be started; nothing is left then. */
  constructor(request: LaunchRequest) {
    const { allocator, doorbell, id } = self();
    this.#participant = claimSlot(id);
    const undo: (() => void)[] = [() => freeSlot(this.#participant)];
    try {
      this.#memory = allocator.allocate(linkBytes(request.capacity) + (request.sharedBytes ?? 0), { private: true });
      undo.push(() => allocator.free(this.#memory));
      const started = startProcess(request, this.#participant, this.#memory.offset, undo);
      this.#id = started.id;
      this.pid = started.pid;
      this.stdout = started.stdout;
      this.stderr = started.stderr;
      this.#bell = new Bell(this.#participant, started.bellFd);
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
      peer: this.#bell,
      onMessage: this.#inbox.receive,
      onGarbage: (error) => {
        this.garbage ??= error;
        this.signal(SIGKILL);
      },
    });
    this.#shipper = new Shipper((kind, buffer, start, end) => this.#link.send(kind, buffer, start, end));
    doorbell.add(this.#link);
    reaper().watch(this.#id, (status) => this.#ended(status));
  }

  /** Sends a message, after the definitions it needs. Never blocks; to a dead child it is lost. */
  send(kind: number, encoded: Encoded): void {
    this.ship(encoded.definitions);
    this.#holds.push(...encoded.holds);
    this.sendBytes(kind, encoded.buffer, encoded.start, encoded.end);
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
    if (this.exitCode === null) reaper().pump();
    return this.exitCode === null;
  }

  /** Sends a signal; false: it is dead already. */
  signal(number: number): boolean {
    return this.exitCode === null && binding().signalChild(this.#id, number) === 0;
  }

  /** A new file descriptor that is readable when the process is dead, or −1. */
  pidfd(): number {
    return binding().childPidfd(this.#id);
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
      this.#onExit(this); // may still read the shared memory
      const { allocator, doorbell } = self();
      doorbell.remove(this.#link);
      this.#holds.length = 0;
      this.#bell.close();
      reclaimParticipant(this.#participant);
      allocator.free(this.#memory);
    });
  }
}

const SIGKILL = 9;

interface Started {
  id: number;
  pid: number;
  bellFd: number;
  stdout: Socket | null;
  stderr: Socket | null;
}

/** Steps that undo a start that fails half-way are pushed to `undo`. */
function startProcess(request: LaunchRequest, participant: ParticipantId, linkOffset: number, undo: (() => void)[]): Started {
  const native = binding();
  const toClose: number[] = [];
  const open = (fd: number): number => {
    toClose.push(fd);
    return fd;
  };
  const close = () => {
    for (const fd of toClose.splice(0)) native.closeFd(fd);
  };
  undo.push(close);
  const pipe = (): [number, number] => orThrow('start a process', native.pipe());
  const [bellRead, bellFd] = pipe();
  open(bellRead);
  undo.push(() => native.closeFd(bellFd));
  const nothing = open(openNull(request.stdio === 'ignore' ? 'r+' : 'r')); // under --permission, only reading is free
  const outputs: (number | undefined)[] = [];
  const stdio = [1, 2].map((fd) => {
    if (request.stdio === 'inherit') return fd;
    if (request.stdio === 'ignore') return nothing;
    const [read, write] = pipe();
    outputs.push(read);
    undo.push(() => native.closeFd(read));
    return open(write);
  });
  const { doorbell } = self();
  const fds = [nothing, ...stdio, arena().fd, doorbell.writeFd, bellRead, bellFd];
  const argv = [
    executable,
    ...request.execArgv,
    entryFile(request.entry),
    [participant, linkOffset, request.capacity, self().id, process.pid, request.detached ? 1 : 0].join(','),
  ];
  const env = Object.entries(request.env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  const started = orThrow(
    'start a process',
    native.spawn(doorbell.member, executable, argv, env, request.cwd ?? null, fds, request.detached),
  );
  close();
  const [stdout = null, stderr = null] = outputs.map((fd) => readableOf(fd as number));
  return { ...started, bellFd, stdout, stderr };
}

function readableOf(fd: number): Socket {
  const { Socket } = process.getBuiltinModule('node:net'); // costs milliseconds, and most children have no pipes
  return new Socket({ fd, readable: true, writable: false });
}

/** Beside this code in the package, or in the package when this code is in somebody's bundle. */
function entryFile(name: LaunchRequest['entry']): string {
  let file = entryFiles.get(name);
  if (file === undefined) {
    file = fileBeside(import.meta.url, `./${name}`, `../workers/${name}`) ?? fileOfPackage(`dist/bundle/${name}`);
    entryFiles.set(name, file);
  }
  return file;
}

const entryFiles = new Map<string, string>();

function openNull(flags: 'r' | 'r+'): number {
  try {
    return openSync('/dev/null', flags);
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    throw errno === undefined ? error : systemError('start a process', -errno, 'open'); // node itself refused: --permission
  }
}
