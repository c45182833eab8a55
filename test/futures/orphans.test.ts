import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { executorTest, FIXTURES, inTime, isAlive, until } from './executor-support.js';

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  executorTest(
    `workers end with their program, idle and busy ones, when it is ended by ${signal} [fault 23 fault 24 fault 26 E-18] [gh-111873]`,
    async (t) => {
      const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
      const file = fileURLToPath(new URL('programs.mjs', FIXTURES));
      const child = spawn(process.execPath, [file, 'waits'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
      t.after(() => child.kill('SIGKILL'));
      const ended = once(child, 'close');
      const [line] = (await inTime(once(createInterface(child.stdout), 'line'), 'the pids of the workers')) as [string];
      const pids = JSON.parse(line) as number[];
      assert.equal(pids.length, 4);
      assert.deepEqual(pids.filter(isAlive), pids);
      child.kill(signal);
      await inTime(ended, 'the end of the program');
      await until(() => !pids.some(isAlive), 'the end of the workers');
    },
  );
}
