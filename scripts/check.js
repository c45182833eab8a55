/**
 * `npm run check [-- step …]`: everything that can be said of the tree without running the library.
 *
 * Runs in a process of its own, steps side by side; prints the output of those that fail, then one line for each.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BIN = join(ROOT, 'node_modules', '.bin');

let emitting;

/** Each step is a list of commands that run one after the other, or a function that does. */
const STEPS = {
  types: checkTypes,
  lint: [['oxlint']],
  layers: [[process.execPath, 'scripts/check-layers.js']],
  format: [['biome', 'format', '.']],
  unused: [['knip', '--no-progress']],
  package: checkPackage,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in STEPS));
if (unknown.length > 0) {
  console.error(`Unknown step ${unknown.join(', ')}; the steps are ${Object.keys(STEPS).join(', ')}`);
  process.exit(2);
}
const names = wanted.length > 0 ? wanted : Object.keys(STEPS);
const results = await Promise.all(names.map(runStep));
for (const { name, ok, output } of results) if (!ok) console.log(`──── ${name} ────\n${output.trim()}\n`);
for (const { name, ok, seconds } of results) console.log(`${ok ? '✔' : '✖'} ${name} (${seconds} s)`);
process.exitCode = results.every((result) => result.ok) ? 0 : 1;

async function runStep(name) {
  const started = performance.now();
  const step = STEPS[name];
  const { ok, output } = await (typeof step === 'function' ? step() : runInTurn(step));
  return { name, ok, output, seconds: ((performance.now() - started) / 1000).toFixed(1) };
}

/** Writes dist, once: nobody may look at it meanwhile. */
function emit() {
  emitting ??= runInTurn([['tsc', '-p', 'tsconfig.json']]);
  return emitting;
}

/** The sources, then the tests against what they came to. */
async function checkTypes() {
  const emitted = await emit();
  return emitted.ok ? await runInTurn([['tsc', '-p', 'tsconfig.check.json']]) : emitted;
}

/** The package as it would be published, seen by two judges of its exports and types. */
async function checkPackage() {
  const folder = mkdtempSync(join(tmpdir(), 'package-check-'));
  try {
    const emitted = await emit();
    if (!emitted.ok) return emitted;
    const packed = await runInTurn([['npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', folder]]);
    if (!packed.ok) return packed;
    const tarball = join(folder, readdirSync(folder)[0]);
    return await runInTurn([
      ['publint', '--strict', tarball],
      ['attw', '--profile', 'esm-only', tarball],
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function runInTurn(commands) {
  let output = '';
  for (const command of commands) {
    const result = await runCommand(command);
    output += result.output;
    if (!result.ok) return { ok: false, output };
  }
  return { ok: true, output };
}

function runCommand([name, ...args]) {
  const local = join(BIN, name);
  const child = spawn(existsSync(local) ? local : name, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ ok: false, output: `${name}: ${error.message}\n` }));
    child.on('close', (code) => resolve({ ok: code === 0, output }));
  });
}
