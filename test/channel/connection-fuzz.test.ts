/**
 * A short run of the fuzzer of connections; `npm run test:fuzz-connection` does a million.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzConnections } from '../fuzz/connection-fuzz.js';

test('changed dialogs, changed streams and knocks at a listener do no harm  [fault 61] [fault 62] [fault 66]', async () => {
  const seed = Date.now() % 2 ** 32;
  const { findings } = await fuzzConnections(6_000, seed);
  assert.deepEqual(findings, [], `seed ${seed}`);
});
