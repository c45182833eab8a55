/**
 * The first part of every child: joins the family, watches the parent, opens the link, learns who it is.
 *
 * Runs in children only. Loads as little as it can: what user code does not need is not there before it.
 * The entry files (`*-entry.cts`) call it; nothing else may import it.
 */
import { binding } from '../native/binding.js';
import { captureLogs } from '../logging/capture.js';
import { say } from '../logging/own-logger.js';
import { arena } from '../substrate/arena.js';
import { Bell } from '../substrate/doorbell.js';
import { faultPoint } from '../substrate/fault.js';
import { Link, linkBytes } from '../substrate/link.js';
import type { MessageHandler } from '../substrate/ring-consumer.js';
import { joinFamily, self, type Self } from '../substrate/self.js';
import { decodeValue } from '../wire/codec.js';
import type { Definition, Encoded } from '../wire/codec-types.js';
import { expectFirstModule } from '../wire/first-module.js';
import { Inbox, Shipper } from '../wire/shipper.js';
import { joinAsSender } from './family.js';
import { readCertificatesLater } from './late-certificates.js';
import { BOOT, type Boot, END, INTERRUPT } from './frames.js';
import { bootOf, setBoot, setLoading } from './identity.js';

/** File descriptors that `launcher.ts` passes. */
const ARENA_FD = 3;
const PARENT_BELL_FD = 4;
const DOORBELL = { readFd: 5, writeFd: 6 };

/** The child's end of the private link. */
export interface ParentLink {
  send(kind: number, encoded: Encoded): void;
  sendBytes(kind: number, buffer: Uint8Array, start: number, end: number): void;
  /** Sends definitions that a message to come needs. */
  ship(definitions: readonly Definition[]): void;
  /** The memory beside the link, of the size that the launcher asked for. */
  shared(bytes: number): Int32Array;
  /** Changes a word of that memory at least every `everyMs` milliseconds as long as this process is not stopped. */
  beat(word: number, everyMs: number): void;
  /** Blocks until everything sent is in the ring. */
  flushSync(): void;
  readonly link: Link;
}

/** What a kind of child does with the link. */
export interface ChildProgram {
  /** Called with the identity known; `deliver` gets everything after it, in order. */
  start(boot: Boot, parent: ParentLink): MessageHandler;
}

/** What differs between children that are processes and those that are threads. */
export interface Surroundings {
  /** Joins the family, and sees to it that this child does not outlive its parent. */
  join(id: number, parent: { readonly pid: number; readonly detached: boolean }): Self;
  /** The write end of the parent's doorbell. */
  parentBellFd(): number;
  isParentAlive(parentPid: number): boolean;
  /** Settles when what user code wrote to stdout and stderr is out. */
  flushOutput(): Promise<void>;
  /** Bytes of memory that are this child's alone. */
  usedMemory(): number;
  /** The end of a process may be asked for over the link: a thread has no signals. */
  readonly onInterrupt?: () => void;
}

/** A child that is an operating system's process. */
export const IN_PROCESS: Surroundings = {
  join(id, { pid, detached }) {
    faultPoint('spawn.afterExec');
    if (process.env['MULTIPROC_EXTRA_CA_CERTS'] !== undefined) readCertificatesLater();
    expectFirstModule();
    if (!detached) dieWithParent(pid); // before the slot is entered: that of a dead parent's child may be another's by now
    const me = joinFamily({ arenaFd: ARENA_FD, id, doorbell: DOORBELL });
    binding().ignoreTerminalInterrupt(pid);
    return me;
  },
  parentBellFd: () => PARENT_BELL_FD,
  isParentAlive: (parentPid) => process.ppid === parentPid,
  flushOutput: flushProcessOutput,
  usedMemory: () => process.memoryUsage.rss(),
};

/** Starts a child's life; the last argument of the command line says where its link is. */
export function startChild(program: ChildProgram, surroundings: Surroundings = IN_PROCESS): void {
  const [id, offset, capacity, parentId, parentPid, detached] = (process.argv[2] ?? '').split(',').map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const me = surroundings.join(id, { pid: parentPid, detached: detached === 1 });
  joinAsSender();
  const parent = openLink({ offset, capacity, parentId, parentPid }, program, surroundings);
  process.on('exit', (code) => {
    if (bootOf()?.talks === true) say('info', `process exiting with exit code ${code}`);
    const end = new Uint8Array(4);
    new DataView(end.buffer).setInt32(0, code, true);
    parent.sendBytes(END, end, 0, 4);
    parent.flushSync();
  });
  // What the parent will say keeps this process alive until it is said.
  me.doorbell.hold();
}

/** Ends this process when its parent is gone, whatever it is doing. */
export function dieWithParent(parentPid: number): void {
  if (binding().watchParent(parentPid) === ESRCH) binding().exitNow(1);
}

const ESRCH = 3;

function openLink(
  where: { offset: number; capacity: number; parentId: number; parentPid: number },
  program: ChildProgram,
  surroundings: Surroundings,
): ParentLink {
  let deliver: MessageHandler | undefined;
  const bell = new Bell(where.parentId, surroundings.parentBellFd());
  const inbox = new Inbox((kind, buffer, start, end, owned) => {
    if (kind === INTERRUPT) {
      surroundings.onInterrupt?.();
      return;
    }
    if (kind !== BOOT) {
      deliver?.(kind, buffer, start, end, owned);
      return;
    }
    const boot = decodeValue(buffer, start, end) as Boot;
    setBoot(boot);
    captureLogs({ table: boot.logs, captureConsole: boot.captureConsole, parentId: where.parentId, parentBell: bell });
    process.argv = [process.argv[0] as string, ...boot.argv.slice(1)];
    faultPoint('boot.beforeReady');
    deliver = program.start(boot, parent);
  });
  setLoading(() => inbox.isLoading);
  const link = new Link({
    offset: where.offset,
    capacity: where.capacity,
    end: 'second',
    peer: bell,
    onMessage: inbox.receive,
    onGarbage: (error) => {
      throw error;
    },
  });
  const shipper = new Shipper((kind, buffer, start, end) => link.send(kind, buffer, start, end));
  const sharedOffset = where.offset + linkBytes(where.capacity);
  const parent: ParentLink = {
    link,
    ship(definitions) {
      if (definitions.length > 0) shipper.ship(definitions);
    },
    shared: (bytes) => arena().words(sharedOffset, bytes),
    beat: (word, everyMs) => void binding().beat(sharedOffset + word * 4, everyMs),
    send(kind, encoded) {
      parent.ship(encoded.definitions);
      link.send(kind, encoded.buffer, encoded.start, encoded.end);
    },
    sendBytes: (kind, buffer, start, end) => link.send(kind, buffer, start, end),
    flushSync: () => link.flushSync(() => surroundings.isParentAlive(where.parentPid)),
  };
  self().doorbell.add(link);
  return parent;
}

/** A parent that does not read its pipe holds its child. */
async function flushProcessOutput(): Promise<void> {
  // A look at a stream that nobody used would make it, which takes milliseconds.
  if (!process.getActiveResourcesInfo().some((name) => name.endsWith('WriteWrap'))) return;
  await flushStreams();
}

/** Settles when all that was written so far is out. */
export async function flushStreams(): Promise<void> {
  await Promise.all([process.stdout, process.stderr].map(flushed));
}

/** User code may have closed the stream, put another one in its place, or a method of its own that does not call back. */
function flushed(stream: NodeJS.WriteStream | undefined): Promise<void> {
  return new Promise((resolve) => {
    const { write } = Object.getPrototypeOf(stream ?? {}) as Partial<NodeJS.WriteStream>;
    if (stream === undefined || stream.destroyed || write === undefined) resolve();
    else write.call(stream, '', 'utf8', () => resolve());
  });
}
