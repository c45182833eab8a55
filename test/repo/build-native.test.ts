import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { leavesNothing } from '../support/census.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A copy of the package's sources as they are installed (without tests) or cloned, on a machine that has only `tools`. */
function machineWith(
  t: TestContext,
  tools: readonly string[],
  { cloned }: { cloned: boolean },
): (script: string) => { status: number | null; text: string } {
  const folder = mkdtempSync(join(tmpdir(), 'build-native-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const part of ['package.json', 'binding.gyp', 'native', 'scripts'])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  if (cloned) mkdirSync(join(folder, 'test'));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  // A link to a program that is there on every system: the tools are looked for, not run
  for (const tool of tools) symlinkSync('/bin/true', join(bin, tool));
  return (script) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join('scripts', script)], {
      cwd: folder,
      env: { PATH: bin },
      encoding: 'utf8',
    });
    return { status, text: stdout + stderr };
  };
}

test(
  'npm run build:native says which tools are missing and how to install them',
  leavesNothing((t) => {
    const { status, text } = machineWith(t, ['python3', 'cc'], { cloned: true })('build-native.js');
    assert.equal(status, 1);
    assert.match(text, /Not installed: g\+\+, make\./);
    assert.match(text, /sudo apt-get install g\+\+ make python3/);
  }),
);

test(
  'npm run build:native names node-gyp when only that is missing',
  leavesNothing((t) => {
    const { status, text } = machineWith(t, ['python3', 'cc', 'g++', 'make'], { cloned: true })('build-native.js');
    assert.equal(status, 1);
    assert.match(text, /node-gyp was not found/);
  }),
);

test(
  'the install script of the package never fails, and says what is missing',
  leavesNothing((t) => {
    const { status, text } = machineWith(t, [], { cloned: false })('install.js');
    assert.equal(status, 0);
    assert.match(text, /Not installed: gcc, g\+\+, make, python3\./);
    assert.match(text, /npm rebuild multiproc/);
  }),
);

test(
  'the install script does nothing in a checkout',
  leavesNothing((t) => {
    assert.deepEqual(machineWith(t, [], { cloned: true })('install.js'), { status: 0, text: '' });
  }),
);
