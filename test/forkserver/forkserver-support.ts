/**
 * What the tests of the fork server share: the server is brought up once, before the first count of what exists.
 *
 * Runs in test processes.
 */
import type { TestContext } from 'node:test';
import { ForkServerProcess, Process } from '#src/index.js';
import { type CensusOptions, leavesNothing } from '../support/census.js';

/** `leavesNothing` with a fork server that is there before and after. */
export function cleanForked(body: (t: TestContext) => unknown, options: CensusOptions = {}): (t: TestContext) => Promise<void> {
  return leavesNothing(body, { warmUp: warmUpForkserver, ...options });
}

/** One child by each way of starting processes. */
export async function warmUpForkserver(): Promise<void> {
  const answer = 42; // captured: that opens the inspector, which keeps pipes of its own
  for (const ProcessClass of [Process, ForkServerProcess]) {
    const child = new ProcessClass({ target: () => answer, stdio: 'ignore' });
    await child.start();
    await child.join();
  }
}
