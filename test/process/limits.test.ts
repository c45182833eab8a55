import assert from 'node:assert/strict';
import { eachKind, startChild } from '../support/kinds.js';
import { soon } from './process-support.js';

eachKind('resourceLimits bounds the heap: a child that runs out of it is a ProcessDiedError that says so', async (kind, t) => {
  const child = await startChild(
    kind,
    t,
    () => {
      const kept: object[] = [];
      for (;;) kept.push({ i: kept.length, text: `item ${kept.length}` });
    },
    [],
    { resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 3 } },
  );
  await assert.rejects(soon(child.join(), 'join'), { name: 'ProcessDiedError', message: /possibly out of JavaScript heap/ });
});

eachKind('resourceLimits bounds the stack: recursion ends with a RangeError, sooner with less', async (kind, t) => {
  const depthWith = async (stackSizeMb: number): Promise<number> => {
    const measure = () => {
      let depth = 0;
      const recurse = () => {
        depth++;
        recurse();
      };
      try {
        recurse();
      } catch (error) {
        return error instanceof RangeError ? depth : -1;
      }
      return -1;
    };
    const child = await startChild(kind, t, measure, [], { resourceLimits: { stackSizeMb } });
    return soon(child.result(), 'result');
  };
  const [small, large] = [await depthWith(0.5), await depthWith(3)];
  assert.ok(small > 0 && large > 2 * small, `${small}, ${large}`);
});

eachKind('resourceLimits that are none are refused at construction, with their name', (kind) => {
  for (const [limits, name, message] of [
    [5, 'TypeError', /received 5/],
    [{ maxOldSpace: 5 }, 'TypeError', /received maxOldSpace/],
    [{ stackSizeMb: '1' }, 'TypeError', /stackSizeMb.*received 1/],
    [{ stackSizeMb: 64 }, 'RangeError', /stackSizeMb.*at most 4 MiB, received 64/],
    [{ maxOldGenerationSizeMb: 0 }, 'RangeError', /received 0/],
    [{ maxYoungGenerationSizeMb: Number.NaN }, 'RangeError', /received NaN/],
  ] as const)
    assert.throws(() => new kind.Child({ resourceLimits: limits as object }), { name, message });
});
