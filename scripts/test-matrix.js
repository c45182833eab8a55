/**
 * Runs the tests, as they were built once, on every Node line that is supported: `npm run test:node-matrix [-- words]`.
 *
 * Runs in a process of its own. The Node binaries are those of the npm packages node-linux-<arch>, kept in .cache/node-<line>.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const LINES = [20, 22, 24, 26];
const ROOT = fileURLToPath(new URL('..', import.meta.url));

const rows = [];
for (const line of LINES) {
  const node = binaryOf(line);
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.log(`\n──── Node ${version} ────`);
  rows.push({ node: version, ...(await runTests(node)) });
}
console.log('');
console.table(rows);
process.exitCode = rows.every((row) => row.exitCode === 0) ? 0 : 1;

/** The path of a Node binary of this line, fetched at its first use. */
function binaryOf(line) {
  const folder = `${ROOT}.cache/node-${line}`;
  const name = `node-linux-${process.arch}`;
  const binary = `${folder}/node_modules/${name}/bin/node`;
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/package.json`, '{ "private": true }\n');
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', `${name}@${line}`], {
    cwd: folder,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`Cannot fetch Node ${line}: npm install ${name}@${line} failed with exit code ${status}`);
  return binary;
}

async function runTests(node) {
  const started = performance.now();
  const child = spawn(node, [`${ROOT}scripts/test.js`, ...process.argv.slice(2)], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
    process.stdout.write(chunk);
  });
  const exitCode = await new Promise((resolve) => child.on('close', resolve));
  // The last summary line of each name; earlier ones may be a test's own output.
  const count = (name) => Number([...text.matchAll(new RegExp(`^ℹ ${name} (\\d+)$`, 'gm'))].at(-1)?.[1] ?? Number.NaN);
  return {
    tests: count('tests'),
    pass: count('pass'),
    fail: count('fail') + count('cancelled'),
    skipped: count('skipped'),
    seconds: Math.round((performance.now() - started) / 1000),
    exitCode,
  };
}
