/**
 * `npm run test:properties`: the property tests with a new random seed and many times as many cases.
 *
 * Runs in a process of its own. An ordinary run has a fixed seed (test/support/properties.ts); this one looks for cases that
 * nobody thought of. `npm run test:properties -- --seed N` repeats one, `--times N` says how many times as many (20), words
 * choose files as in `npm test`.
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const { values, positionals: words } = parseArgs({
  options: { seed: { type: 'string', default: String(randomInt(2 ** 31)) }, times: { type: 'string', default: '20' } },
  allowPositionals: true,
});

const files = readdirSync(`${ROOT}test`, { recursive: true })
  .filter((file) => file.endsWith('.test.ts') && readFileSync(`${ROOT}test/${file}`, 'utf8').includes('/support/properties.js'))
  .map((file) => file.replace(/\.ts$/, '.js'))
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
if (files.length === 0) throw new Error(`No file with property tests matches ${words.join(', ')}`);
console.log(`seed ${values.seed}, ${values.times} times as many cases`);
const { status } = spawnSync(process.execPath, [`${ROOT}scripts/test.js`, ...files], {
  stdio: 'inherit',
  env: { ...process.env, MULTIPROC_PROPERTY_SEED: values.seed, MULTIPROC_PROPERTY_TIMES: values.times },
});
console.log(`seed ${values.seed}`);
process.exitCode = status ?? 1;
