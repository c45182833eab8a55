import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { type JobIdentity, Journal } from '#src/cli/journal.js';
import type { Item } from '#src/cli/source.js';
import { leavesNothing } from '../support/census.js';
import { scratch } from './run-command.js';
import { always } from '../support/properties.js';

const JOB: JobIdentity = { module: 'file:///m.mjs', export: 'default', input: 'lines' };
const item = (index: number, text = `text ${index}`): Item => ({ index, text, at: undefined });
const entries = (...indices: number[]) => indices.map((index) => ({ item: item(index), json: `{"n":${index}}` }));

/** A closed journal with items 0, 2 and 1. */
function written(t: TestContext): string {
  const path = join(scratch(t), 'journal');
  const journal = new Journal(path, JOB);
  journal.append(entries(0, 2));
  journal.append(entries(1));
  journal.close();
  return path;
}

test(
  'Journal gives back what was finished, after it was opened again',
  leavesNothing((t) => {
    const journal = new Journal(written(t), JOB);
    assert.equal(journal.size, 3);
    assert.deepEqual(
      [0, 1, 2, 3].map((index) => journal.has(index)),
      [true, true, true, false],
    );
    assert.equal(journal.read(item(2)), '{"n":2}');
    journal.append(entries(5000));
    assert.equal(journal.read(item(5000)), '{"n":5000}');
    journal.close();
  }),
);

test(
  'Journal cut off at any byte keeps every whole line and goes on behind it',
  leavesNothing((t) => {
    const whole = readFileSync(written(t));
    const path = join(scratch(t), 'torn');
    always(
      fc.property(fc.integer({ min: 0, max: whole.length }), (length) => {
        writeFileSync(path, whole.subarray(0, length));
        const complete = Math.max(0, whole.subarray(0, length).toString().split('\n').length - 2);
        const torn = new Journal(path, JOB);
        assert.equal(torn.size, complete);
        torn.append(entries(7));
        torn.close();
        const again = new Journal(path, JOB);
        assert.equal(again.size, complete + 1);
        assert.equal(again.read(item(7)), '{"n":7}');
        again.close();
      }),
    );
  }),
);

test(
  'Journal is refused when it belongs to another job',
  leavesNothing((t) => {
    const path = written(t);
    for (const [key, value] of [
      ['module', 'file:///other.mjs'],
      ['export', 'f'],
      ['input', 'ndjson'],
    ] as const) {
      assert.throws(() => new Journal(path, { ...JOB, [key]: value }), {
        name: 'UsageError',
        message: `journal '${path}' belongs to another job: its ${key} is '${JOB[key]}', this run's is '${value}'`,
      });
    }
  }),
);

test(
  'Journal.read() refuses an input that is not the one of then',
  leavesNothing((t) => {
    const journal = new Journal(written(t), JOB);
    assert.throws(() => journal.read(item(1, 'changed')), /belongs to other inputs: item 1 is now 'changed'/);
    journal.close();
  }),
);

test(
  'Journal refuses files that are no journal, and leaves them as they are',
  leavesNothing((t) => {
    const path = join(scratch(t), 'file');
    for (const text of ['my notes', 'my notes\n', '{"n":1}\n', 'null\n']) {
      writeFileSync(path, text);
      assert.throws(() => new Journal(path, JOB), /is no journal of multiproc map/, text);
      assert.equal(readFileSync(path, 'utf8'), text);
    }
    assert.throws(() => new Journal('/dev/null', JOB), /is no regular file/);
    assert.throws(() => new Journal('/nowhere/journal', JOB), { name: 'UsageError', message: /directory does not exist/ });
  }),
);

test(
  'Journal says where it is damaged in the middle',
  leavesNothing((t) => {
    const path = written(t);
    const offset = readFileSync(path).length;
    appendFileSync(path, '{"i":3,"h":"0123456789abcdef","r":{]}\n{"i":4}\n');
    assert.throws(() => new Journal(path, JOB), new RegExp(`damaged at byte ${offset}`));
    truncateSync(path, offset);
    new Journal(path, JOB).close();
  }),
);
