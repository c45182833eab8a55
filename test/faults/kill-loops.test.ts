import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { executorTest, programAt } from '../futures/executor-support.js';

executorTest(
  'workers killed at random under load: submitted = resolved + rejected, each task at most once, no hang [fault 21]',
  async () => {
    const { code, output, complaints } = await programAt(fileURLToPath(new URL('executor-kill-loop.js', import.meta.url)), [
      '--kills',
      '40',
    ]);
    assert.equal(code, 0, `${output}\n${complaints}`);
    assert.match(output, /every call is accounted for/);
  },
  { deadlineMs: 100_000 },
);

executorTest(
  'workers of pools killed at random under load: every call settles, each item at most once, no hang [fault 2 fault 7 fault 21 gh-66587 gh-96062]',
  async () => {
    const { code, output, complaints } = await programAt(fileURLToPath(new URL('pool-kill-loop.js', import.meta.url)), [
      '--kills',
      '20',
    ]);
    assert.equal(code, 0, `${output}\n${complaints}`);
    assert.match(output, /every call is accounted for/);
  },
  { deadlineMs: 100_000 },
);

for (const context of ['spawn', 'forkserver'])
  executorTest(
    `${context}: kills and stops at random under tasks that use all that is shared: every future settles, what is shared is usable [fault 21]`,
    async () => {
      const { code, output, complaints } = await programAt(fileURLToPath(new URL('chaos-kill-loop.js', import.meta.url)), [
        '--seed=20261121',
        '--ms=1500',
        `--context=${context}`,
      ]);
      assert.equal(code, 0, `${output}\n${complaints}`);
      assert.match(output, /every call is accounted for/);
    },
    { deadlineMs: 100_000 },
  );
