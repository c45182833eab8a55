/**
 * `npm run test:models`: checks the models of test/models with Spin, in every state that they can reach.
 *
 * Runs in a process of its own, in a temporary folder. The head of a model says what is to be run: a line `holds: …` or
 * `holds NAME: …` must pass, a line `fails NAME: …` (a mutation: the model with NAME defined) must fail, or the model
 * proves nothing. `npm run test:models -- lock` runs the models whose name has one of the words.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODELS = fileURLToPath(new URL('../test/models', import.meta.url));
const MOST_STEPS = 1_000_000;
const MEMORY_MB = 4096;
const COMPILER = process.env.CC || 'cc';

const words = process.argv.slice(2);
process.exitCode = main();

function main() {
  for (const [tool, debian] of [
    ['spin', 'spin'],
    [COMPILER, 'gcc'],
  ]) {
    if (spawnSync(tool, [tool === 'spin' ? '-V' : '--version']).error === undefined) continue;
    console.error(`test:models: ${tool} is missing; install it (Debian: apt-get install ${debian})`);
    return 1;
  }
  const runs = readdirSync(MODELS)
    .filter((file) => file.endsWith('.pml') && (words.length === 0 || words.some((word) => file.includes(word))))
    .flatMap(runsOf);
  if (runs.length === 0) {
    console.error('test:models: no model has such a name');
    return 1;
  }
  console.log(row(['model', 'variant', 'states', 'depth', 'errors', 'verdict']));
  const wrong = runs.map(check).filter((right) => !right).length;
  console.log(wrong === 0 ? `${runs.length} runs, all as expected` : `${wrong} of ${runs.length} runs not as expected`);
  return wrong === 0 ? 0 : 1;
}

/** What the head of a model asks for. */
function runsOf(file) {
  const text = readFileSync(join(MODELS, file), 'utf8');
  return [...text.matchAll(/^ \* (holds|fails)(?: ([A-Z_]+))?: (.+)$/gm)].map(([, expected, variant, about]) => ({
    file,
    expected,
    variant,
    about,
  }));
}

/** Runs one variant and prints its row; whether it ended as expected. */
function check({ file, expected, variant, about }) {
  const folder = mkdtempSync(join(tmpdir(), 'multiproc-models-'));
  try {
    const define = variant === undefined ? [] : [`-D${variant}`];
    run(folder, 'spin', [...define, '-a', join(MODELS, file)]);
    run(folder, COMPILER, ['-O2', '-w', '-DSAFETY', '-DCOLLAPSE', `-DMEMLIM=${MEMORY_MB}`, '-o', 'pan', 'pan.c']);
    const text = run(folder, './pan', [`-m${MOST_STEPS}`]);
    const states = text.match(/(\d+) states, stored/)?.[1];
    const [, depth, errors] = text.match(/depth reached (\d+).*errors: (\d+)/) ?? [];
    const unfinished = states === undefined || /max search depth too small|Search not completed/.test(text);
    const holds = errors === '0' && !unfinished;
    const right = expected === 'holds' ? holds : Number(errors) > 0;
    const verdict = `${right ? 'ok' : 'WRONG'}: ${expected === 'holds' ? '' : 'must fail, '}${about}`;
    console.log(row([file.replace('.pml', ''), variant ?? '', states ?? '?', depth ?? '?', errors ?? '?', verdict]));
    if (!right) console.log(text);
    return right;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(cwd, command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (error !== undefined) throw error;
  if (status !== 0 && command !== './pan') throw new Error(`Cannot run ${command}: it ended with ${status}\n${stdout}${stderr}`);
  return stdout + stderr;
}

function row([model, variant, states, depth, errors, verdict]) {
  return `${model.padEnd(16)}${variant.padEnd(22)}${states.padStart(10)}${depth.padStart(8)}${errors.padStart(8)}  ${verdict}`;
}
