/**
 * The first part of every child: joins the family, watches the parent, opens the link, learns who it is.
 *
 * Runs in children only. Loads as little as it can: what user code does not need is not there before it.
 * The entry files (`*-entry.cts`) call it; nothing else may import it.
 */
import { binding } from '../native/binding.js';
import { arena } from '../substrate/arena.js';
import { Bell } from '../substrate/doorbell.js';
import { faultPoint } from '../substrate/fault.js';
import { Link, linkBytes } from '../substrate/link.js';
import type { MessageHandler } from '../substrate/ring.js';
import { joinFamily, self } from '../substrate/self.js';
import { decodeValue } from '../wire/codec.js';
import type { Definition, Encoded } from '../wire/codec-types.js';
import { Inbox, Shipper } from '../wire/shipper.js';
import { joinAsSender } from './family.js';
import { BOOT, type Boot, END } from './frames.js';
import { setBoot } from './identity.js';

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
  /** Blocks until everything sent is in the ring. */
  flushSync(): void;
  readonly link: Link;
}

/** What a kind of child does with the link. */
export interface ChildProgram {
  /** Called with the identity known; `deliver` gets everything after it, in order. */
  start(boot: Boot, parent: ParentLink): MessageHandler;
}

/** Starts a child's life; the last argument of the command line says where its link is. */
export function startChild(program: ChildProgram): void {
  const [id, offset, capacity, parentId, parentPid, detached] = (process.argv[2] ?? '').split(',').map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  faultPoint('spawn.afterExec');
  const me = joinFamily({ arenaFd: ARENA_FD, id, doorbell: DOORBELL });
  if (detached !== 1) dieWithParent(parentPid);
  binding().ignoreTerminalInterrupt(parentPid);
  joinAsSender();
  const parent = openLink({ offset, capacity, parentId, parentPid }, program);
  process.on('exit', (code) => {
    const end = new Uint8Array(4);
    new DataView(end.buffer).setInt32(0, code, true);
    parent.sendBytes(END, end, 0, 4);
    parent.flushSync();
  });
  // What the parent will say keeps this process alive until it is said.
  me.doorbell.hold();
}

function dieWithParent(parentPid: number): void {
  if (binding().watchParent(parentPid) === ESRCH) binding().exitNow(1);
}

const ESRCH = 3;

function openLink(
  where: { offset: number; capacity: number; parentId: number; parentPid: number },
  program: ChildProgram,
): ParentLink {
  let deliver: MessageHandler | undefined;
  const bell = new Bell(where.parentId, PARENT_BELL_FD);
  const inbox = new Inbox((kind, buffer, start, end, owned) => {
    if (kind !== BOOT) {
      deliver?.(kind, buffer, start, end, owned);
      return;
    }
    const boot = decodeValue(buffer, start, end) as Boot;
    setBoot(boot);
    process.argv = [process.argv[0] as string, ...boot.argv.slice(1)];
    faultPoint('boot.beforeReady');
    deliver = program.start(boot, parent);
  });
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
  const parent: ParentLink = {
    link,
    ship(definitions) {
      if (definitions.length > 0) shipper.ship(definitions);
    },
    shared: (bytes) => arena().words(where.offset + linkBytes(where.capacity), bytes),
    send(kind, encoded) {
      parent.ship(encoded.definitions);
      link.send(kind, encoded.buffer, encoded.start, encoded.end);
    },
    sendBytes: (kind, buffer, start, end) => link.send(kind, buffer, start, end),
    flushSync: () => link.flushSync(() => process.ppid === where.parentPid),
  };
  self().doorbell.add(link);
  return parent;
}
