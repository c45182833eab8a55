import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RestartBudget } from '#src/workers/restart-budget.js';

test('deaths that belong to no task are borne five times, with growing pauses, then told with the first cause [fault 41]', () => {
  const budget = new RestartBudget();
  const pauses: number[] = [];
  for (const name of ['first', 'second', 'third', 'fourth']) {
    assert.equal(budget.spend(new Error(name)), undefined);
    pauses.push(budget.pauseMs);
  }
  assert.deepEqual(pauses, [0, 20, 40, 80]);
  const tooMany = budget.spend(new Error('fifth'));
  assert.match(String(tooMany?.why), /5 workers died/);
  assert.match(String(tooMany?.cause), /first/);
});
