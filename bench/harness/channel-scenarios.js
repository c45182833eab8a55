/** What the channel scenarios share: the payloads, and the drivers over Node's own channels. Loads no competitor. */

/** @type {import('./scenario.js').Case[]} */
export const channelCases = [
  {
    name: 'numbers',
    unit: '1000/s',
    better: 'higher',
    params: { payload: 'number', messages: 100_000, warmup: 20_000 },
    quick: { messages: 20_000, warmup: 5_000 },
  },
  {
    name: '{id,name}',
    unit: '1000/s',
    better: 'higher',
    params: { payload: '{id,name}', messages: 100_000, warmup: 20_000 },
    quick: { messages: 20_000, warmup: 5_000 },
  },
  {
    name: '1 MiB',
    unit: 'MiB/s',
    better: 'higher',
    params: { payload: '1 MiB', messages: 128, warmup: 16 },
    quick: { messages: 32, warmup: 4 },
  },
];

/**
 * @param {string} name
 * @param {string} file of drivers/
 * @param {'oneToOne' | 'pingPong'} topology
 * @param {object} params
 * @param {string} [open] its export that opens a Wire
 * @returns {import('./scenario.js').Driver}
 */
export const wire = (name, file, topology, params, open = 'openWire') => ({
  name,
  params,
  measure: async (all) => {
    const driver = await import(`../drivers/${file}.js`);
    /** @type {Record<string, any>} */
    const topologies = await import('./channels.js');
    return topologies[topology](await driver[open](all), all);
  },
});
