import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testHosts, whyNotHosts } from './manager-hosts.js';

const missing = whyNotHosts();

test('a manager and its clients on two hosts: two network namespaces (npm run test:hosts also takes the power away)  [G-03] [fault 16]', {
  skip: missing === undefined ? false : `not run here: ${missing}`,
}, async () => {
  assert.equal((await testHosts(false)).length, 3);
});
