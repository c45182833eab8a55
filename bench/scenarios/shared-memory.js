/** Values, arrays and lists in shared memory: what one access costs a process that is alone with them. */
import { measureBy } from '../harness/scenario.js';

const ours = (name, run, rest) => ({ name, ...rest, measure: measureBy('multiproc-memory', run) });

export const scenarios = [
  {
    name: 'shared-value',
    about: 'adds 1 to a shared integer so that no other process can come between',
    cases: [
      {
        name: 'add 1',
        unit: 'ns',
        params: { iterations: 10_000_000, warmup: 1_000_000 },
        quick: { iterations: 2_000_000 },
      },
    ],
    drivers: [
      ours('multiproc Value.add', 'valueAdd', { ours: true }),
      ours('multiproc Value and its RLock', 'valueUnderLock', { ours: true }),
      { name: 'CPython Value and its RLock', python: 'value_under_lock' },
      ours('Atomics.add (one process only)', 'atomicsAdd'),
    ],
  },
  {
    name: 'shared-array',
    about: 'reads an element of an array of doubles and writes it, one more',
    cases: [
      {
        name: 'read and write',
        unit: 'ns',
        params: { length: 1000, iterations: 10_000_000, warmup: 1_000_000 },
        quick: { iterations: 2_000_000 },
      },
    ],
    drivers: [
      ours('multiproc Array.view', 'arrayView', { ours: true }),
      ours('multiproc Array.at and set', 'arrayAtAndSet', { ours: true }),
      { name: 'CPython RawArray', python: 'raw_array' },
      { name: 'CPython Array (takes its lock)', python: 'locked_array' },
      ours('Float64Array (one process only)', 'plainArray'),
    ],
  },
  {
    name: 'shareable-list',
    about: 'reads an integer of a list of 100 and writes it, one more',
    cases: [
      {
        name: 'read and write',
        unit: 'ns',
        params: { length: 100, iterations: 1_000_000, warmup: 100_000 },
        quick: { iterations: 200_000 },
      },
    ],
    drivers: [
      ours('multiproc ShareableList', 'listItems', { ours: true }),
      { name: 'CPython ShareableList', python: 'shareable_list' },
    ],
  },
];
