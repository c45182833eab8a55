import assert from 'node:assert/strict';
import test from 'node:test';
import { binding } from '#src/native/binding.js';
import * as layout from '#src/substrate/layout.js';

test('layout.ts and layout.h agree on every word that both touch', () => {
  const { layout: native } = binding();
  const typed = layout as unknown as Record<string, number>;
  const shared = Object.keys(native).filter((name) => name !== 'GUARDIAN_CAPACITY');
  assert.ok(shared.length >= 17);
  for (const name of shared) assert.equal((typed[name] as number) >>> 0, native[name], name);
  assert.equal(native['GUARDIAN_CAPACITY'], 2000);
});
