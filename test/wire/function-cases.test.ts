import assert from 'node:assert/strict';
import test from 'node:test';
import { FIXTURES, HARNESS, runNode, runVariant, withFolder } from './function-support.js';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What every loader must give; `stack` is the place of `new Error` in the program. */
const EXPECTED = {
  exported: 2,
  default: 6,
  hidden: 103,
  factory: [10, 15, 20],
  nested: 120,
  class: 'number',
  secretClass: 'base5',
  static: 7,
  pure: 42,
  capturing: 11,
  imports: [2, 'b.c', 2, true],
  mainHelper: 42,
  mainClass: [14, 15],
  capturedLocal: 19,
  mutual: true,
  'unexported in list': 9,
  'ran once': 'undefined',
  'import()': 42,
  identity: [true, true, true],
  async: 'later',
  method: 8,
};
const STRIPS_TYPES = Boolean((process.features as { typescript?: unknown }).typescript);
/** Where the fixture makes its error; the CommonJS variant has a line more in front. */
function placeOfError(linesBefore: number): string {
  const lines = readFileSync(new URL('cases.mjs', FIXTURES), 'utf8').split('\n');
  const line = lines.findIndex((text) => text.includes("new Error('here')"));
  return `${line + 1 + linesBefore}:${(lines[line] ?? '').indexOf('new Error') + 1}`;
}

const LIB = fileURLToPath(new URL('lib.mjs', FIXTURES));

for (const kind of STRIPS_TYPES ? ['esm', 'cjs', 'ts'] : ['esm', 'cjs']) {
  test(`functions of a main script and of its modules run in a child (${kind})`, async () => {
    const { stack, ...results } = (await runVariant(kind)) as Record<string, unknown>;
    assert.deepEqual(results, EXPECTED);
    assert.equal(stack, placeOfError(kind === 'cjs' ? 1 : 0));
  });
}

const PROGRAM_ESM = `
  import { exported, getHidden } from '${LIB}';
  const { startChild } = await import('${HARNESS}');
  const k = 4;
  function helper(x) { return x * k + exported(1) }
  class Mine { constructor(v) { this.v = v } go() { return helper(this.v) } }
  const child = startChild();
  console.log(JSON.stringify([await child.call((x) => [helper(x), new Mine(2).go()], 2), await child.call(helper, 1), await child.call(getHidden(), 4)]));
  child.close();`;
const PROGRAM_CJS = `
  const fs = require('fs');
  const k = 4;
  var before = 1;
  function helper(x) { return x * k + before }
  class Mine { constructor(v) { this.v = v } go() { return helper(this.v) } }
  import('${HARNESS}').then(async ({ startChild }) => {
    const child = startChild();
    console.log(JSON.stringify([await child.call((x) => [helper(x), fs.existsSync('/'), new Mine(2).go(), require('path').sep], 2), await child.call(helper, 1)]));
    child.close();
  });`;

test('functions of -e and of stdin travel by value', async () => {
  const esm = '[[10,10],6,104]\n';
  const cjs = '[[9,true,9,"/"],5]\n';
  assert.equal((await runNode(['--input-type=module', '-e', PROGRAM_ESM])).output, esm);
  assert.equal((await runNode(['-e', PROGRAM_CJS])).output, cjs);
  assert.equal((await runNode(['-'], PROGRAM_CJS)).output, cjs);
});

test('the entry script of a worker thread is its main script', async () => {
  await withFolder(async (folder) => {
    const entry = join(folder, 'entry.mjs');
    writeFileSync(entry, PROGRAM_ESM);
    const output = (await runNode(['-e', `new (require('worker_threads').Worker)('${entry}')`])).output;
    assert.equal(output, '[[10,10],6,104]\n');
  });
});

const PROGRAM_MODES = `
  import('${HARNESS}').then(async ({ startChild }) => {
    const child = startChild();
    const octal = () => 010;
    const undeclared = async () => { madeHere = 7; return typeof globalThis.madeHere };
    const inner = (object) => (function () { return this === globalThis })();
    console.log(JSON.stringify([await child.call(octal), await child.call(undeclared), await child.call(inner, {})]));
    child.close();
  });`;

test('arrows of a sloppy CommonJS script stay sloppy, those of a strict one strict', async () => {
  await withFolder(async (folder) => {
    const sloppy = join(folder, 'sloppy.cjs');
    writeFileSync(sloppy, PROGRAM_MODES);
    assert.equal((await runNode([sloppy])).output, '[8,"number",true]\n');
    const strict = join(folder, 'strict.cjs');
    writeFileSync(strict, `"use strict";${PROGRAM_MODES.replace('010', '8').replace('{ madeHere = 7;', '{')}`);
    assert.equal((await runNode([strict])).output, '[8,"undefined",false]\n');
  });
});
