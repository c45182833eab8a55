/**
 * Kills programs at random while they make, change and remove named memory and write a JSON value, and looks after each kill: what the
 * dead left goes at the next start, the living keep theirs, and a value is always one that somebody wrote.
 *
 * Runs as a program: `node dist-test/faults/memory-kill-loop.js --kills 200 --seed 7`. The seed is printed and
 * replays the same choices (their timing is the machine's).
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Process, ShareableList, Value } from 'multiproc';
import { listOf } from '../support/family.js';
import { seededRandom } from '../support/seeded-random.js';

const { values: options } = parseArgs({ options: { kills: { type: 'string', default: '200' }, seed: { type: 'string' } } });
const KILLS = Number(options.kills);
const SEED = Number(options.seed ?? Date.now() % 2 ** 31);
const PROGRAM = fileURLToPath(new URL('../../test/fixtures/memory/makes-without-end.mjs', import.meta.url));
const MARK = `mp-kill-${process.pid}-`;
const complaints: string[] = [];
const dead: number[] = [];
const random = seededRandom(SEED);

console.log(`memory kill loop: ${KILLS} kills, seed ${SEED}, Node ${process.version}`);
const began = performance.now();
const own = new ShareableList(['mine', 1]);
const value = new Value('json', textOf(0));
let kills = 0;
while (kills < KILLS && complaints.length === 0) {
  await Promise.all([killMaker(), killWriter()]);
  look();
}
own.shm.unlink();
own.shm.close();
console.log(`${kills} kills in ${((performance.now() - began) / 1000).toFixed(1)} s`);
for (const complaint of complaints) console.error(`COMPLAINT ${complaint}`);
console.log(complaints.length === 0 ? 'nothing is left and nothing is torn' : `seed ${SEED} fails`);
process.exit(complaints.length === 0 ? 0 : 1);

/** A family of its own that makes and removes memory. */
async function killMaker(): Promise<void> {
  const program = spawn(process.execPath, [PROGRAM, MARK], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(program, 'exit');
  await once(program.stdout, 'data'); // it has begun
  await sleep(random() * 30);
  program.kill('SIGKILL');
  await exited;
  dead.push(program.pid as number);
  kills++;
}

/** A child that writes the value. */
async function killWriter(): Promise<void> {
  const before = kills;
  const child = new Process({
    target: (shared: Value<'json'>, seed: number) => {
      for (let turn = seed; ; turn++) shared.value = [turn, 'x'.repeat(turn % 1000)];
    },
    args: [value, before * 1000],
    stdio: 'ignore',
  });
  await child.start();
  await sleep(random() * 30);
  child.kill();
  await child.join();
  kills++;
}

function textOf(turn: number): [number, string] {
  return [turn, 'x'.repeat(turn % 1000)];
}

function look(): void {
  const [turn, text] = value.value as [number, string];
  if (text !== textOf(turn)[1]) complaints.push(`torn: ${turn} with ${text.length} characters`);
  value.value = textOf(turn + 1);
  const swept = spawnSync(process.execPath, [PROGRAM, MARK, 'once'], { encoding: 'utf8' });
  if (swept.status !== 0) complaints.push(`the next start failed: ${swept.stderr}`);
  const left = readdirSync('/dev/shm').filter((name) => name.startsWith(MARK));
  const folders = readdirSync('/dev/shm').filter((name) => name.startsWith('multiproc-'));
  const entries = folders.flatMap((folder) => listOf(`/dev/shm/${folder}`));
  const records = entries.filter((entry) => dead.some((pid) => entry.startsWith(`${pid}-`)));
  if (left.length + records.length > 0) complaints.push(`left: ${[...left, ...records].join(' ')}`);
  if (own.at(0) !== 'mine' || !readdirSync('/dev/shm').includes(own.shm.name)) complaints.push('memory of the living is gone');
}
