import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { leavesNothing } from '../support/census.js';
import { familyOf } from '../support/family.js';
import { Command, FUNCTIONS, lines, polled, run, scratch } from './run-command.js';

const ITEMS = 60;
const EXPECTED = Array.from({ length: ITEMS }, (_, index) => `{"item":"${index + 1}"}\n`).join('');
const GATED = ['map', `${FUNCTIONS}#gated`, '--resume', 'journal', '--chunk-size', '1', '-p', '2'];

const linesOf = (path: string): string[] => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []);

test(
  'multiproc map --resume goes on after kill -9 in the middle, and after several',
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    const log = join(cwd, 'log');
    const env = (gate: number): Record<string, string> => ({ LOG: log, GATE: String(gate) });
    for (const gate of [17, 41]) {
      const command = new Command(GATED, { cwd, env: env(gate), input: lines(ITEMS) });
      await command.until(({ stdout }) => stdout.split('\n').length > gate, `${gate} results`);
      command.child.kill('SIGKILL');
      assert.equal((await command.ended).code, 137);
      await polled(() => familyOf().length === 0, 'the workers of the killed run to be gone');
      assert.equal(linesOf(join(cwd, 'journal')).length, 1 + gate);
      appendFileSync(join(cwd, 'journal'), '{"i":59,"h":"0123'); // what a torn write leaves
    }
    const { code, stdout } = await run(GATED, { cwd, env: env(ITEMS), input: lines(ITEMS) });
    assert.equal(stdout, EXPECTED);
    assert.equal(code, 0);
    const ran = linesOf(log).map(Number);
    assert.deepEqual(
      ran.sort((a, b) => a - b),
      Array.from({ length: ITEMS }, (_, index) => index + 1),
      'each item ran exactly once',
    );
    assert.equal(linesOf(join(cwd, 'journal')).length, 1 + ITEMS);
    assert.equal(
      (await run(GATED, { cwd, env: env(0), input: lines(ITEMS) })).stdout,
      EXPECTED,
      'a finished run is repeated from its journal',
    );
  }),
);

test(
  'multiproc map --resume runs failed items again and no other',
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    const module = join(cwd, 'm.mjs');
    const source = (condition: string): string =>
      `import { appendFileSync } from 'node:fs'; export default (x) => { appendFileSync(${JSON.stringify(join(cwd, 'log'))}, x + '\\n'); if (${condition}) throw new Error('not yet'); return x; };`;
    writeFileSync(module, source("x === '3'"));
    const args = ['map', module, '--resume', 'journal', '--on-error', 'skip'];
    assert.equal((await run(args, { cwd, input: lines(5) })).code, 1);
    writeFileSync(module, source('false'));
    const { code, stdout } = await run(args, { cwd, input: lines(5) });
    assert.deepEqual([code, stdout], [0, '"1"\n"2"\n"3"\n"4"\n"5"\n']);
    assert.deepEqual(linesOf(join(cwd, 'log')).sort(), ['1', '2', '3', '3', '4', '5']);
  }),
);

test(
  'multiproc map --resume refuses the journal of another job with exit code 2',
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    const args = (name: string): string[] => ['map', `${FUNCTIONS}#${name}`, '--resume', 'journal'];
    assert.equal((await run(args('upper'), { cwd, input: lines(3) })).code, 0);
    const other = await run(args('print'), { cwd, input: lines(3) });
    assert.match(other.stderr, /belongs to another job: its export is 'upper', this run's is 'print'/);
    assert.deepEqual([other.code, other.stdout], [2, '']);
    const shifted = await run(args('upper'), { cwd, input: `0\n${lines(3)}` });
    assert.match(shifted.stderr, /belongs to other inputs: item 0 is now '0'/);
    assert.equal(shifted.code, 2);
  }),
);

test(
  'multiproc map --resume gives results back in order, also with --with-input',
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    const args = ['map', `${FUNCTIONS}#upper`, '--resume', 'journal', '--with-input'];
    const first = await run([...args, '--unordered'], { cwd, input: lines(300) });
    assert.equal(first.code, 0);
    const second = await run(args, { cwd, input: lines(300) });
    assert.equal(
      second.stdout,
      Array.from({ length: 300 }, (_, i) => `{"index":${i},"input":"${i + 1}","result":"${i + 1}"}\n`).join(''),
    );
  }),
);
