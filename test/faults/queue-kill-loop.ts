/**
 * Kills random producers and consumers of one queue and keeps accounts: what was put and acknowledged is received once, is still
 * inside, or was in the hand of a consumer that was killed. Nothing is torn, nobody is wedged.
 *
 * Runs as a program, `node dist-test/faults/queue-kill-loop.js --kills 500 --seed 7`; a test runs a short one. The seed is
 * printed and replays the same choices (their timing is the machine's).
 */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Process, Queue } from 'multiproc';
import { withDeadline } from '../support/deadline.js';
import { seededRandom } from '../support/seeded-random.js';

interface Message {
  readonly id: string;
  readonly text: string;
  /** Of some messages: long enough for a segment of its own. */
  readonly bytes: Buffer | undefined;
}

const textOf = (number: number): string => 'x'.repeat((number * 7919) % 40_000);
const bytesOf = (number: number): Buffer | undefined =>
  number % 7 === 0 ? Buffer.alloc((number * 104_729) % 900_000, number) : undefined;

/** What a run came to. */
export interface Accounts {
  readonly kills: number;
  readonly put: number;
  readonly received: number;
  readonly inside: number;
  readonly missing: number;
  /** What the queue counts as lost; more is missing, for a consumer may die between having a message and writing it down. */
  readonly lost: number;
}

/** Puts numbered messages until it is killed; writes down each that is in. */
export function produce(queue: Queue<Message>, log: string, name: string, isBlocking: boolean): Promise<void> | void {
  const message = (number: number): Message => ({ id: `${name}-${number}`, text: textOf(number), bytes: bytesOf(number) });
  if (isBlocking) {
    for (let number = 0; ; number++) {
      queue.putSync(message(number));
      appendFileSync(log, `${name}-${number}\n`);
    }
  }
  return (async () => {
    for (let number = 0; ; number++) {
      await queue.put(message(number));
      appendFileSync(log, `${name}-${number}\n`);
    }
  })();
}

/** Takes messages until it is killed; writes down each that it has. */
export function consume(queue: Queue<Message>, log: string, isBlocking: boolean): Promise<void> | void {
  const note = ({ id, text, bytes }: Message) => {
    const number = Number(id.slice(id.indexOf('-') + 1));
    const expected = bytesOf(number);
    const isWhole = text === textOf(number) && (expected === undefined ? bytes === undefined : bytes?.equals(expected) === true);
    appendFileSync(log, `${isWhole ? id : `torn ${id}`}\n`);
  };
  if (isBlocking) for (;;) note(queue.getSync());
  return (async () => {
    for (;;) note(await queue.get());
  })();
}

/** Runs the loop. @throws {AssertionError} If the accounts are wrong. */
export async function queueKillLoop(kills: number, seed: number): Promise<Accounts> {
  const folder = mkdtempSync(join(tmpdir(), 'multiproc-queue-'));
  try {
    return await run(kills, seed, join(folder, 'put'), join(folder, 'got'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function run(kills: number, seed: number, put: string, got: string): Promise<Accounts> {
  for (const log of [put, got]) writeFileSync(log, '');
  const random = seededRandom(seed);
  const queue = new Queue<Message>(100, { maxBytes: 2 ** 22 });
  let started = 0;
  const start = async (isProducer: boolean): Promise<Process> => {
    const isBlocking = random() < 0.5;
    started++;
    const process = isProducer
      ? new Process({ target: produce, args: [queue, put, `p${started}`, isBlocking] })
      : new Process({ target: consume, args: [queue, got, isBlocking] });
    return await process.start();
  };
  const members = await Promise.all([true, true, false, false].map((isProducer) => start(isProducer)));
  let consumersKilled = 0;
  for (let kill = 0; kill < kills; kill++) {
    const before = readFileSync(got).length;
    const wanted = before + Math.floor(random() * 400);
    await withDeadline(untilLonger(got, wanted), 60_000, `progress after ${kill} kills (seed ${seed})`);
    const victim = Math.floor(random() * members.length);
    members[victim]?.kill();
    await members[victim]?.join();
    if (victim >= 2) consumersKilled++;
    members[victim] = await start(victim < 2);
  }
  for (const member of members) member.kill();
  await Promise.all(members.map((member) => member.join()));
  return account(kills, queue, { put: lines(put), got: lines(got), consumersKilled: consumersKilled + 2 });
}

function account(
  kills: number,
  queue: Queue<Message>,
  { put, got, consumersKilled }: { put: string[]; got: string[]; consumersKilled: number },
): Accounts {
  assert.deepEqual(
    got.filter((line) => line.startsWith('torn')),
    [],
  );
  assert.equal(new Set(got).size, got.length, 'something was received twice');
  const inside: string[] = [];
  const size = queue.qsize();
  for (let item = queue.tryGet(); item !== null; item = queue.tryGet()) inside.push(item.value.id);
  assert.equal(inside.length, size);
  const arrived = new Set([...got, ...inside]);
  assert.equal(arrived.size, got.length + inside.length, 'something was received and is still inside');
  const missing = put.filter((id) => !arrived.has(id));
  assert.ok(missing.length <= consumersKilled, `${missing.length} lost by ${consumersKilled} killed consumers`);
  const { lost } = queue.stats();
  assert.ok(lost <= consumersKilled, `${lost} counted as lost by ${consumersKilled} killed consumers`);
  queue.putSync({ id: 'last', text: '', bytes: undefined });
  assert.equal(queue.getSync(1000).id, 'last');
  queue.close();
  return { kills, put: put.length, received: got.length, inside: inside.length, missing: missing.length, lost };
}

async function untilLonger(file: string, bytes: number): Promise<void> {
  while (readFileSync(file).length < bytes) await new Promise((resolve) => setTimeout(resolve, 1));
}

function lines(file: string): string[] {
  // a writer may have been killed within its line
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({ options: { kills: { type: 'string', default: '500' }, seed: { type: 'string' } } });
  const seed = Number(values.seed ?? Date.now() % 2 ** 31);
  console.log(`queue kill loop: ${values.kills} kills, seed ${seed}, Node ${process.version}`);
  console.log(await queueKillLoop(Number(values.kills), seed));
}
