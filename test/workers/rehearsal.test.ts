import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import test from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { registerFunctionExtensions } from '#src/wire/function-extension.js';
import { warmUp } from '#src/wire/warm-up.js';
import { rehearsal } from '#src/workers/rehearsal.js';

registerFunctionExtensions();
const skip = availableParallelism() < 2 && 'one CPU: it would be taken from the worker';

test('a process rehearses with functions of all kinds, and none of them is refused', { skip }, async () => {
  const sent: unknown[] = [];
  const send = rehearsal();
  const rehearse = () => (fn: object) => {
    send(fn);
    sent.push((fn as (x: number) => number)(2));
  };
  warmUp(rehearse, () => sent.length >= 33); // within the sixth round
  for (let turns = 0; turns < 100; turns += 1) await turn();
  const round = [3, 3, 4, 3, 5, 2];
  assert.deepEqual(sent, [...round, ...round, ...round, ...round, ...round, ...round]);
});
