/**
 * Every step of the synchronisation objects at which a process can be killed has a test that kills there.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { POINTS } from './sync-points.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

test('the points of the sources are those that are listed, and each is killed at', () => {
  const files = ['native/guardian.c', 'src/substrate/loop-cells.ts', 'src/substrate/wait-point.ts', 'src/substrate/lock-word.ts'];
  files.push(...readdirSync(`${ROOT}/src/sync`).map((file) => `src/sync/${file}`));
  const found = files.flatMap((file): [string, string[]][] => {
    const text = readFileSync(`${ROOT}/${file}`, 'utf8');
    const points = [...text.matchAll(/(?:faultPoint|MP_FAULT)\(['"]([\w.]+)['"]\)/g)].map(([, point]) => point as string);
    return points.length === 0 ? [] : [[file, [...new Set(points)].sort()]];
  });
  const listed = Object.entries(POINTS).map(([file, points]): [string, string[]] => [file, [...points].sort()]);
  assert.deepEqual(Object.fromEntries(found), Object.fromEntries(listed));
  const tests = readdirSync(`${ROOT}/test/faults`)
    .filter((file) => /^sync-.*\.test\.ts$/.test(file))
    .map((file) => readFileSync(`${ROOT}/test/faults/${file}`, 'utf8'))
    .join('');
  const untested = Object.values(POINTS)
    .flat()
    .filter((point) => !tests.includes(`'${point}'`));
  assert.deepEqual(untested, []);
});
