/**
 * The dress rehearsal of a child's first moments: joins a family, opens its link, reads who it is and what it is to run, all
 * by the very functions that will do it, in a family that nobody else is of.
 *
 * Runs in fork servers that fork, so that V8 knows this code when children come to it, and in their children before they are
 * asked for, so that the pages it writes to are their own by then. What it leaves behind it undoes, or it is what every
 * child does once more. It may fail where a preloaded module has changed what it uses: no child needs it.
 */
import { Bell } from '../../substrate/doorbell.js';
import { faultPoint } from '../../substrate/fault.js';
import { SLOT_ARMED } from '../../substrate/layout.js';
import { Link } from '../../substrate/link.js';
import { slotOf, slotWords } from '../../substrate/participants.js';
import { inPrivateFamily, PRIVATE_CHILD, PRIVATE_OFFSET, PRIVATE_PARENT } from '../../substrate/private-family.js';
import { joinFamily, self } from '../../substrate/self.js';
import { encodeArgs, encodeValue } from '../../wire/codec.js';
import type { Encoded } from '../../wire/codec-types.js';
import { registerFunctionExtensions } from '../../wire/function-extension.js';
import { Shipper } from '../../wire/shipper.js';
import { type Surroundings, IN_PROCESS } from '../child-main.js';
import { unbecome } from '../current-process.js';
import { BOOT, type Boot, NOTHING, READY, RESULT, START, TARGET } from '../frames.js';
import type { Life } from '../process-main.js';
import { becomeChild } from './forked-child.js';
import { ARENA_FD } from './job.js';
import { withTargets } from './rehearsal-targets.js';

/** Begins a child's life in such surroundings; `live` has no task, and takes the place of the rest of it. */
export type Beginning = (surroundings: Surroundings, live: (life: Life) => void) => void;

/** Never throws. */
export function rehearseLife(begin: Beginning, rounds: number): void {
  const { argv } = process;
  const listeners = process.listeners('exit');
  try {
    registerFunctionExtensions();
    for (let round = 1; round <= rounds; round++) withTargets((targets) => inPrivateFamily(() => rehearseOnce(begin, targets)));
  } catch {
    // The child will meet what is broken, and say so.
  }
  for (const listener of process.listeners('exit')) if (!listeners.includes(listener)) process.removeListener('exit', listener);
  process.argv = argv;
  unbecome();
}

function rehearseOnce(begin: Beginning, targets: readonly object[]): void {
  const toChild = new Link({
    offset: PRIVATE_OFFSET,
    capacity: CAPACITY,
    end: 'first',
    peer: new Bell(PRIVATE_CHILD),
    onMessage: () => {},
    onGarbage: () => {},
  });
  const shipper = new Shipper((kind, buffer, start, end) => toChild.send(kind, buffer, start, end));
  for (const [kind, { definitions, buffer, start, end }] of framesOf(targets)) {
    shipper.ship(definitions);
    toChild.send(kind, buffer, start, end);
  }
  begin(surroundingsOf(), runNothing);
  faultPoint('rehearsal.begun');
  const { doorbell } = self();
  doorbell.turn(); // reads all of them
  toChild.pump();
  Atomics.store(slotWords(slotOf(PRIVATE_CHILD)), SLOT_ARMED, 0); // it is not rung when this family is gone
}

const CAPACITY = 16_384;

/** As those of every child, but for what the operating system would have to undo. */
function surroundingsOf(): Surroundings {
  const home = [PRIVATE_CHILD, PRIVATE_OFFSET, CAPACITY, PRIVATE_PARENT, process.pid, 1].join(',');
  const order = { program: 'process-entry.cjs', home, env: {}, cwd: null, random: null } as const;
  return {
    ...becomeChild(order, [], false),
    join: (id) => joinFamily({ arenaFd: ARENA_FD, id, doorbell: { readFd: -1, writeFd: -1 } }),
    isParentAlive: IN_PROCESS.isParentAlive,
  };
}

function runNothing({ become, parent }: Life): void {
  become();
  parent.sendBytes(READY, NOTHING, 0, 0);
  parent.send(RESULT, encodeValue(undefined, 'result', { inFlight: true }));
}

function framesOf(targets: readonly object[]): [number, Encoded][] {
  return [
    [BOOT, encodeValue(bootLike(), 'boot')],
    ...targets.map((target): [number, Encoded] => [TARGET, encodeValue(target, 'target')]),
    [START, encodeArgs([1.5, 'text', null, true, { list: [1, 2] }])],
  ];
}

/** What a child is told, in the order in which it is. */
function bootLike(): Boot {
  return {
    name: 'ForkServerProcess-0',
    daemon: false,
    identity: [0],
    parentName: 'MainProcess',
    parentPid: process.pid,
    argv: process.argv,
    authKey: new Uint8Array(32),
    detached: false,
    startMethod: undefined,
    className: 'ForkServerProcess',
    logs: 0,
    captureConsole: false,
    talks: false,
  };
}
