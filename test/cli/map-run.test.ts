import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CancelledError, ProcessDiedError } from '#src/errors.js';
import { LineSink } from '#src/cli/line-sink.js';
import { MapRun } from '#src/cli/map-run.js';
import { parseMapOptions } from '#src/cli/map-options.js';
import type { Source } from '#src/cli/source.js';
import { StopSwitch } from '#src/cli/stop.js';
import type { Batch, TaskRunner } from '#src/cli/task-runner.js';
import { leavesNothing } from '../support/census.js';
import { polled, scratch } from './run-command.js';

/** A batch that waits for the test to end it. */
interface Pending {
  readonly items: readonly string[];
  succeed(): void;
  fail(error: Error): void;
}

/** A run over `count` items in batches that the test ends by hand: no process takes part. */
function start(t: TestContext, { words, count }: { words: string; count: number }) {
  const pending: Pending[] = [];
  const run = (batch: Batch) =>
    new Promise<{ results: string[]; errors: []; elapsed: number }>((resolve, reject) => {
      const { items } = batch;
      pending.push({
        items,
        succeed: () => resolve({ results: items.map((item) => `"${item}!"`), errors: [], elapsed: 1 }),
        fail: reject,
      });
    });
  const runner = { run } as unknown as TaskRunner;
  const source: Source = {
    format: 'lines',
    total: count,
    async *groups() {
      for (let index = 0; index < count; index++) yield [{ index, text: `${index}`, at: undefined }];
    },
  };
  const path = join(scratch(t), 'out');
  const fd = openSync(path, 'w');
  t.after(() => closeSync(fd));
  const stop = new StopSwitch();
  const sink = new LineSink(fd, (error) => stop.stop({ kind: 'failed', error }));
  const failures: string[] = [];
  const onItemError = async (item: { index: number }, error: { name: string }) =>
    void failures.push(`${item.index} ${error.name}`);
  const target = { spec: 'm', url: 'file:///m', base: 'file:///', exportName: 'default' };
  const options = parseMapOptions(`m ${words}`.split(' '));
  const ended = new MapRun({ options, target, source, runner, processes: 1, journal: undefined, sink, onItemError, stop }).run();
  return { pending, ended, stop, failures, sink, written: () => readFileSync(path, 'utf8') };
}

test(
  'MapRun writes results in input order whatever order they come in',
  leavesNothing(async (t) => {
    const { pending, ended, sink, written } = start(t, { words: '--chunk-size 1', count: 3 });
    await polled(() => pending.length === 3, 'three batches');
    pending[2]?.succeed();
    pending[1]?.succeed();
    await new Promise(setImmediate);
    assert.equal(written(), '');
    pending[0]?.succeed();
    await ended;
    await sink.flush();
    assert.equal(written(), '"0!"\n"1!"\n"2!"\n');
  }),
);

test(
  'MapRun --unordered writes each result when it comes',
  leavesNothing(async (t) => {
    const { pending, ended, sink, written } = start(t, { words: '--chunk-size 1 --unordered', count: 3 });
    await polled(() => pending.length === 3, 'three batches');
    for (const at of [2, 0, 1]) {
      pending[at]?.succeed();
      await polled(() => written().includes(`"${at}!"`), `result ${at}`);
    }
    await ended;
    await sink.flush();
    assert.equal(written(), '"2!"\n"0!"\n"1!"\n');
  }),
);

test(
  'MapRun starts only so many batches as it may have running',
  leavesNothing(async (t) => {
    const { pending, ended, stop } = start(t, { words: '--chunk-size 1', count: 1000 });
    await polled(() => pending.length === 8, 'the first batches');
    await new Promise(setImmediate);
    assert.equal(pending.length, 8);
    pending[3]?.succeed();
    await polled(() => pending.length === 9, 'one more');
    stop.stop({ kind: 'signal', signal: 'SIGINT' });
    await ended;
    for (const batch of pending) batch.fail(new CancelledError('stopped'));
    await new Promise(setImmediate);
    assert.equal(pending.length, 9, 'nothing starts after the stop');
  }),
);

test(
  'MapRun --on-error stop writes what stands before the failed item, also what ends after it',
  leavesNothing(async (t) => {
    const { pending, ended, stop, failures, sink, written } = start(t, { words: '--chunk-size 1', count: 4 });
    await polled(() => pending.length === 4, 'four batches');
    pending[2]?.fail(new ProcessDiedError('dead', { exitCode: -9, phase: 'running' }));
    pending[3]?.succeed();
    await new Promise(setImmediate);
    assert.equal(stop.reason, undefined);
    pending[1]?.succeed();
    pending[0]?.succeed();
    await ended;
    await sink.flush();
    assert.deepEqual([stop.reason, failures, written()], [{ kind: 'item-failed' }, ['2 ProcessDiedError'], '"0!"\n"1!"\n']);
  }),
);
