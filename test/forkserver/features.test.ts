import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ForkServerProcess } from '#src/index.js';
import { forkserverState } from '#src/process/forkserver/fork-launcher.js';
import { withDeadline } from '../support/deadline.js';
import { ENDS, FEATURES, runEnd, runFeature } from './features.js';
import { cleanForked, warmUpForkserver } from './forkserver-support.js';

before(warmUpForkserver);
after(() => assert.deepEqual(forkserverState(), { variant: 'fork' }));

const DEADLINE_MS = 60_000;

for (const [name, [, expected]] of Object.entries(FEATURES)) {
  test(
    `A child of the fork server has ${name}`,
    cleanForked(async () => {
      const child = new ForkServerProcess({ target: runFeature, args: [name], stdio: 'ignore' });
      await child.start();
      assert.deepEqual(await withDeadline(child.result(), DEADLINE_MS, name), expected);
      assert.equal(child.exitCode, 0);
    }),
  );
}

for (const [name, [, exitCode]] of Object.entries(ENDS)) {
  test(
    `The exit code of a child of the fork server after ${name} is ${exitCode}`,
    cleanForked(async () => {
      const child = new ForkServerProcess({ target: runEnd, args: [name], stdio: 'ignore' });
      await child.start();
      await withDeadline(
        child.join().catch(() => {}),
        DEADLINE_MS,
        name,
      );
      assert.equal(child.exitCode, exitCode);
    }),
  );
}
