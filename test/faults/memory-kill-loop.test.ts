import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { executorTest, programAt } from '../futures/executor-support.js';

executorTest(
  'programs killed at random while they make and remove memory: nothing is left, nothing of others is touched, no value is torn [faults 33, 34, 35]',
  async () => {
    const program = fileURLToPath(new URL('memory-kill-loop.js', import.meta.url));
    const { code, output, complaints } = await programAt(program, ['--kills', '6']);
    assert.equal(code, 0, `${output}\n${complaints}`);
    assert.match(output, /nothing is left and nothing is torn/);
  },
  { deadlineMs: 100_000 },
);
