/**
 * Starts thousands of children of a fork server, some at a time, each of which does one of the things that a fork may
 * break; kills some children, and now and then the server. Keeps accounts: every result is right, every exit code is what it
 * must be, nothing hangs, nothing is left.
 *
 * Runs as a program: `npm run test:soak -- --children 5000 --seed 7`. The seed is printed and replays the same choices.
 */
import { parseArgs } from 'node:util';
import { isDeepStrictEqual } from 'node:util';
import { ForkServerProcess } from '#src/index.js';
import { awaitForkserver, forkserverState } from '#src/process/forkserver/fork-launcher.js';
import { ENDS, FEATURES, runEnd, runFeature } from '../forkserver/features.js';
import { withDeadline } from '../support/deadline.js';
import { familyOf, withoutSpares } from '../support/family.js';
import { seededChoice } from '../support/seeded-random.js';

const { values: options } = parseArgs({
  options: { children: { type: 'string', default: '5000' }, seed: { type: 'string' }, atOnce: { type: 'string', default: '4' } },
});
const CHILDREN = Number(options.children);
const SEED = Number(options.seed ?? Date.now() % 2 ** 31);
const AT_ONCE = Number(options.atOnce);
const ENDS_WITHIN_MS = 120_000;
/** One child in so many is killed, and after one in so many the server is. */
const KILLED = 25;
const SERVER_KILLED = 500;
/** What takes seconds, or much memory, is left to the tests of the features. */
const LONG = new Set(['a large heap', 'a heap snapshot', 'four worker threads', 'child_process.fork with messages']);

const features = Object.keys(FEATURES).filter((name) => !LONG.has(name));
const ends = Object.keys(ENDS);
const below = seededChoice(SEED);
const complaints: string[] = [];
const counts = { children: 0, features: 0, ends: 0, killed: 0, servers: 1, byStandby: 0 };

console.log(`soak: ${CHILDREN} children, seed ${SEED}, ${AT_ONCE} at a time, Node ${process.version}`);
const began = performance.now();
await awaitForkserver();
await Promise.all(Array.from({ length: AT_ONCE }, runMany));
// The server, its spare and a standby may be there: they are this program's own children; those of servers are not.
const family = withoutSpares(familyOf());
const left = family.filter(({ parentPid }, _, all) => parentPid !== process.pid || all.length > 2);
if (left.length > 0) complaints.push(`left: ${left.map(({ command }) => command).join('; ')}`);
console.log(`${JSON.stringify(counts)} in ${((performance.now() - began) / 1000).toFixed(1)} s, ${complaints.length} bad`);
for (const complaint of complaints.slice(0, 20)) console.log(`BAD ${complaint}`);
process.exitCode = complaints.length === 0 ? 0 : 1;

async function runMany(): Promise<void> {
  while (counts.children < CHILDREN) {
    const number = (counts.children += 1);
    const isEnd = below(4) === 0;
    const kill = below(KILLED) === 0;
    const name = isEnd ? (ends[below(ends.length)] as string) : (features[below(features.length)] as string);
    if (number % SERVER_KILLED === 0) await killServer();
    try {
      await (isEnd ? runOneEnd(name, kill) : runOneFeature(name, kill));
    } catch (error) {
      complaints.push(`child ${number}, ${name}: ${String(error)}`);
    }
  }
}

async function runOneFeature(name: string, kill: boolean): Promise<void> {
  const child = new ForkServerProcess({ target: runFeature, args: [name], stdio: 'ignore' });
  await start(child);
  if (kill) child.kill();
  const result = await withDeadline(child.result(), ENDS_WITHIN_MS, name);
  await child.join();
  counts.features += 1;
  if (kill && child.exitCode === -9) counts.killed += 1;
  else if (child.exitCode !== 0) complaints.push(`${name} ended with ${child.exitCode}`);
  else if (!isDeepStrictEqual(result, FEATURES[name]?.[1])) complaints.push(`${name} gave ${JSON.stringify(result)}`);
}

async function runOneEnd(name: string, kill: boolean): Promise<void> {
  const child = new ForkServerProcess({ target: runEnd, args: [name], stdio: 'ignore' });
  await start(child);
  if (kill) child.kill();
  await withDeadline(
    child.join().catch(() => {}),
    ENDS_WITHIN_MS,
    name,
  );
  counts.ends += 1;
  if (kill && child.exitCode === -9) counts.killed += 1;
  else if (child.exitCode !== ENDS[name]?.[1]) complaints.push(`${name} ended with ${child.exitCode}`);
}

async function start(child: ForkServerProcess): Promise<void> {
  await child.start();
  if (forkserverState().variant !== 'fork') counts.byStandby += 1;
}

/** Whoever starts a child next has a new one. */
async function killServer(): Promise<void> {
  const child = new ForkServerProcess<[], number>({ target: () => process.ppid, stdio: 'ignore' });
  await child.start();
  const server = await child.result();
  await child.join();
  if (server === process.pid) return;
  process.kill(server, 'SIGKILL');
  counts.servers += 1;
}
