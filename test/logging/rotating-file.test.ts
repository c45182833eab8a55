/**
 * The recipe of one rotating log file for many processes: `examples/rotating-log.mjs`.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { leavesNothing } from '../support/census.js';

const PROGRAM = fileURLToPath(new URL('../../examples/rotating-log.mjs', import.meta.url));
const run = promisify(execFile);

test(
  'many processes write one rotating log file: every line once, whole, and each job in its order',
  leavesNothing(async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'multiproc-rotating-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const { stdout } = await run(process.execPath, [PROGRAM, folder], { timeout: 60_000 });
    assert.match(stdout, /^5000 lines in /);
    const age = (name: string) => Number(name.split('.')[2] ?? 0);
    const files = readdirSync(folder).sort((a, b) => age(b) - age(a));
    assert.ok(files.length > 3);
    for (const name of files) assert.ok(statSync(join(folder, name)).size <= 64_000);
    const lines = files.flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'));
    const steps = new Map<number, number[]>();
    const workers = new Set<string>();
    for (const line of lines) {
      const found = /^\S+ INFO (Worker-\d+|\S+Worker-\d+) task (\d+) app·work: job (\d+) step (\d+)$/.exec(line);
      assert.ok(found !== null, line);
      workers.add(found[1] as string);
      assert.equal(Number(found[2]), Number(found[3]) + 1);
      steps.set(Number(found[3]), [...(steps.get(Number(found[3])) ?? []), Number(found[4])]);
    }
    assert.equal(steps.size, 50);
    for (const each of steps.values())
      assert.deepEqual(
        each,
        Array.from({ length: 100 }, (_, i) => i),
      );
    assert.ok(workers.size > 1);
  }),
);
