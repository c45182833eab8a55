/**
 * Kills random processes that use one synchronisation object all the time: the others go on, nothing is half-done unnoticed, no
 * wake-up and no permit is lost.
 *
 * Runs as a program, `node dist-test/faults/sync-kill-loop.js --kills 200 --seed 7 --only Barrier`; a test runs a short one. The
 * seed is printed and replays the same choices (their timing is the machine's).
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import {
  Barrier,
  BoundedSemaphore,
  BrokenBarrierError,
  Condition,
  Event,
  getContext,
  Lock,
  LockOwnerDiedError,
  Process,
  RawArray,
  RLock,
  Semaphore,
} from 'multiproc';
import { withDeadline } from '../support/deadline.js';
import { seededRandom } from '../support/seeded-random.js';

/** What the members of a run share. */
interface Shared {
  readonly object: unknown;
  /** Words of the table below. */
  readonly words: Int32Array;
}

/** How a member uses the object once. */
type Turn = (shared: Shared, seat: number, isBlocking: boolean) => Promise<void> | void;

const MEMBERS = 4;
const DEADLINE_MS = 60_000;
/** A word for each member: turns so far. */
const TURNS = 0;
/** One word, so that it can be seen at one moment: a bit for each member that is inside, from 8 on one for each that is being killed. */
const MASKS = 16;
const DOOMED_SHIFT = 8;
/** Two words that are equal unless an owner is between them, and how often they were found otherwise. */
const FIRST = 24;
const SECOND = 25;
const TORN_NOTICED = 26;
const TORN_UNNOTICED = 27;
/** Permits given and taken; more inside than there are permits. */
const GIVEN = 28;
const TAKEN = 29;
const CROWDED = 30;

/** What a run came to. */
export interface Accounts {
  readonly name: string;
  readonly kills: number;
  readonly turns: number;
  readonly tornNoticed: number;
  readonly tornUnnoticed: number;
  readonly lost: number;
}

const add = (words: Int32Array, word: number, count = 1) => Atomics.add(words, word, count);
const load = (words: Int32Array, word: number) => Atomics.load(words, word);

/** Takes a lock, whatever became of its last owner; what that one left half-done is repaired. */
async function takeWhole(lock: Lock | RLock | Condition, words: Int32Array, isBlocking: boolean): Promise<void> {
  try {
    if (isBlocking) lock.acquireSync();
    else await lock.acquire();
    if (load(words, FIRST) !== load(words, SECOND)) add(words, TORN_UNNOTICED);
  } catch (error) {
    if (!(error instanceof LockOwnerDiedError)) throw error;
    if (isBlocking) lock.recoverSync();
    else await lock.recover();
    if (load(words, FIRST) !== load(words, SECOND)) add(words, TORN_NOTICED);
    Atomics.store(words, SECOND, load(words, FIRST));
  }
}

const lockTurn: Turn = async ({ object, words }, _seat, isBlocking) => {
  const lock = object as Lock | RLock;
  await takeWhole(lock, words, isBlocking);
  add(words, FIRST);
  if (isBlocking) for (const end = performance.now() + 0.05; performance.now() < end; );
  else await new Promise((resolve) => setImmediate(resolve));
  add(words, SECOND);
  lock.release();
};

/** Half of the members give, half of them take; plain permits are lost with who has them. */
const semaphoreTurn: Turn = async ({ object, words }, seat, isBlocking) => {
  const semaphore = object as Semaphore;
  if (seat >= MEMBERS / 2) {
    add(words, GIVEN);
    semaphore.release();
    await sleep(1);
  } else {
    if (isBlocking) semaphore.acquireSync();
    else await semaphore.acquire();
    add(words, TAKEN);
  }
};

const boundedTurn: Turn = async ({ object, words }, seat, isBlocking) => {
  const semaphore = object as BoundedSemaphore;
  if (isBlocking) semaphore.acquireSync();
  else await semaphore.acquire();
  const seen = Atomics.or(words, MASKS, 1 << seat) | (1 << seat);
  let inside = 0;
  for (let each = 0; each < MEMBERS; each++) inside += (seen >> each) & ~(seen >> (each + DOOMED_SHIFT)) & 1;
  if (inside > 2) add(words, CROWDED);
  if (!isBlocking) await new Promise((resolve) => setImmediate(resolve));
  Atomics.and(words, MASKS, ~(1 << seat));
  semaphore.release();
};

/** A turn goes round; who has it hands it on. A lost wake-up would stop it for ever. */
const conditionTurn: Turn = async ({ object, words }, seat, isBlocking) => {
  const condition = object as Condition;
  await takeWhole(condition, words, isBlocking);
  condition.notifyAll(); // for one that was killed before it did
  try {
    const isMine = () => load(words, FIRST) % MEMBERS === seat;
    if (isBlocking) condition.waitForSync(isMine);
    else await condition.waitFor(isMine);
  } catch (error) {
    if (error instanceof LockOwnerDiedError) return; // and not held; the next turn recovers it
    throw error;
  }
  add(words, FIRST);
  add(words, SECOND);
  condition.notifyAll();
  condition.release();
};

const eventTurn: Turn = async ({ object }, seat, isBlocking) => {
  const event = object as Event;
  if (seat >= MEMBERS / 2) {
    event.set();
    event.clear();
    await sleep(1);
  } else if (isBlocking) event.waitSync();
  else await event.wait();
};

const barrierTurn: Turn = async ({ object }, _seat, isBlocking) => {
  const barrier = object as Barrier;
  try {
    if (isBlocking) barrier.waitSync();
    else await barrier.wait();
  } catch (error) {
    if (!(error instanceof BrokenBarrierError)) throw error;
    while (barrier.broken) await sleep(1); // whoever starts the next member makes it whole
  }
};

const OBJECTS: Record<string, { make: () => unknown; turn: Turn }> = {
  Lock: { make: () => new Lock(), turn: lockTurn },
  RLock: { make: () => new RLock(), turn: lockTurn },
  Semaphore: { make: () => new Semaphore(0), turn: semaphoreTurn },
  BoundedSemaphore: { make: () => new BoundedSemaphore(2), turn: boundedTurn },
  Condition: { make: () => new Condition(new Lock()), turn: conditionTurn },
  Event: { make: () => new Event(), turn: eventTurn },
  Barrier: { make: () => new Barrier(MEMBERS), turn: barrierTurn },
};

/** The objects that there are loops for. */
export const OBJECT_NAMES: readonly string[] = Object.keys(OBJECTS);

/** Uses the object until it is killed. */
export async function useForEver(
  name: string,
  object: unknown,
  words: Int32Array,
  seat: number,
  isBlocking: boolean,
): Promise<void> {
  const { turn } = OBJECTS[name] as { turn: Turn };
  for (let turns = 1; ; turns++) {
    await turn({ object, words }, seat, isBlocking);
    add(words, TURNS + seat);
    if (turns % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Runs the loop. @throws {AssertionError|Error} If the accounts are wrong, or somebody does not go on. */
export async function syncKillLoop(name: string, kills: number, seed: number): Promise<Accounts> {
  const random = seededRandom(seed);
  const { make } = OBJECTS[name] as { make: () => unknown };
  const object = make();
  const words = RawArray('i', 32) as Int32Array;
  const forking = getContext('forkserver').Process;
  const start = async (seat: number): Promise<Process> => {
    const Child = random() < 0.8 ? forking : Process;
    return await new Child({ target: useForEver, args: [name, object, words, seat, random() < 0.5], stdio: 'inherit' }).start();
  };
  const members = await Promise.all(Array.from({ length: MEMBERS }, (_, seat) => start(seat)));
  for (let kill = 0; kill < kills; kill++) {
    await withDeadline(untilAllTurn(words), DEADLINE_MS, `${name}: a turn of each after ${kill} kills (seed ${seed})`);
    await sleep(random() * 5);
    const seat = Math.floor(random() * MEMBERS);
    Atomics.or(words, MASKS, 1 << (seat + DOOMED_SHIFT));
    members[seat]?.kill();
    await members[seat]?.join();
    Atomics.and(words, MASKS, ~((1 << seat) | (1 << (seat + DOOMED_SHIFT))));
    members[seat] = await start(seat);
    if (object instanceof Barrier && object.broken) object.reset();
  }
  await withDeadline(untilAllTurn(words), DEADLINE_MS, `${name}: a turn of each at last (seed ${seed})`);
  for (const member of members) member.kill();
  await Promise.all(members.map((member) => member.join()));
  return account(name, object, words, kills);
}

function account(name: string, object: unknown, words: Int32Array, kills: number): Accounts {
  const turns = Array.from({ length: MEMBERS }, (_, seat) => load(words, TURNS + seat)).reduce((sum, each) => sum + each);
  const [tornNoticed, tornUnnoticed] = [load(words, TORN_NOTICED), load(words, TORN_UNNOTICED)];
  assert.equal(tornUnnoticed, 0, `${name}: what a dead owner left was taken for whole`);
  assert.equal(load(words, CROWDED), 0, `${name}: more were inside than there are permits`);
  let lost = 0;
  if (object instanceof BoundedSemaphore) assert.equal(object.getValue(), 2, 'the permits of the dead came back');
  else if (object instanceof Semaphore) {
    // A permit is counted before it is given and after it is taken: who was killed in between accounts for one.
    lost = load(words, GIVEN) - load(words, TAKEN) - object.getValue();
    assert.ok(lost >= 0 && lost <= kills + MEMBERS, `${lost} permits lost by ${kills + MEMBERS} deaths`);
  }
  return { name, kills, turns, tornNoticed, tornUnnoticed, lost };
}

/** Ends when each member has had another turn. */
async function untilAllTurn(words: Int32Array): Promise<void> {
  const before = Array.from({ length: MEMBERS }, (_, seat) => load(words, TURNS + seat));
  while (before.some((turns, seat) => load(words, TURNS + seat) === turns)) await sleep(1);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({
    options: { kills: { type: 'string', default: '200' }, seed: { type: 'string' }, only: { type: 'string', multiple: true } },
  });
  const seed = Number(values.seed ?? Date.now() % 2 ** 31);
  console.log(`sync kill loop: ${values.kills} kills each, seed ${seed}, Node ${process.version}`);
  for (const name of values.only ?? OBJECT_NAMES) console.log(await syncKillLoop(name, Number(values.kills), seed));
}
