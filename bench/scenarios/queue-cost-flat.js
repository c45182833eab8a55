/** Does the cost of an item grow with the number of items inside? */
import { measureBy } from '../harness/scenario.js';

const inside = (depth, items) => ({
  name: `${depth.toLocaleString('en').replaceAll(',', ' ')} inside`,
  unit: 'ns',
  params: { depth, items, warmup: 200_000 },
  quick: { items: Math.max(depth, 100_000) },
});

export const scenario = {
  name: 'queue-cost-flat',
  about: 'so many numbers are put, then taken by the same thread, again and again: one put and one get; flat is good',
  cases: [inside(1, 500_000), inside(1_000, 1_000_000), inside(100_000, 1_000_000), inside(1_000_000, 2_000_000)],
  drivers: [
    {
      name: 'multiproc Queue',
      ours: true,
      measure: measureBy('multiproc-queues', 'costInside'),
    },
  ],
};
