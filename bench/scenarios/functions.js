/** Functions that travel: what sending one costs its process, at once and for good. No other pool takes closures. */
import { measureBy } from '../harness/scenario.js';

const ours = (name, run, rest) => ({ name, ours: true, ...rest, measure: measureBy('multiproc-functions', run) });

const many = { params: { submits: 3000, warmup: 1000 }, quick: { submits: 300, warmup: 200 } };
const submitCases = ['exported function', 'arrow without captures', 'closure'].flatMap((kind) => [
  { name: `${kind}: first of the process`, unit: 'µs', params: { kind, measure: 'firstOfProcess' } },
  { name: `${kind}: first of each function`, unit: 'µs', params: { kind, measure: 'firstOfFunction' } },
  {
    name: `${kind}: first of each function, after 100 others`,
    unit: 'µs',
    params: { kind, measure: 'firstAfterMany', before: 100, measured: 100 },
  },
  { name: `${kind}: later`, unit: 'µs', params: { ...many.params, kind, measure: 'laterSubmits' }, quick: many.quick },
]);

export const scenarios = [
  {
    name: 'functions-submit',
    about: 'submit() itself, in the process that submits; later submits are the median of many, each awaited before the next',
    cases: [
      ...submitCases,
      { name: 'closure: a new one each time', unit: 'µs', params: { ...many.params, measure: 'newClosures' }, quick: many.quick },
    ],
    drivers: [
      {
        name: 'multiproc ProcessPoolExecutor',
        ours: true,
        measure: async (params) => (await import('../drivers/multiproc-functions.js'))[params.measure](params),
      },
    ],
  },
  {
    name: 'functions-await',
    about:
      'an await of a settled promise in the process that submitted; functions are found by the inspector, which must not slow it down for good',
    cases: [{ name: 'one await', unit: 'ns', params: { awaits: 300_000 }, quick: { awaits: 50_000 } }],
    drivers: [
      ours('after 1000 closures were sent', 'awaitNs', { params: { closures: 1000 } }),
      ours('before any', 'awaitNs', { ours: false, params: { closures: 0 } }),
    ],
  },
  {
    name: 'functions-leak',
    about: 'live memory of a process after 100 000 submits of new closures, for each of them; below about 10 is nothing',
    deadlineMs: 180_000,
    maxRounds: 3,
    cases: ['parent', 'worker'].map((where) => ({
      name: where,
      unit: 'bytes/submit',
      params: { where, submits: 100_000, warmup: 10_000 },
      quick: { submits: 10_000, warmup: 5_000 },
    })),
    drivers: [ours('multiproc ProcessPoolExecutor', 'leakPerSubmit')],
  },
];
