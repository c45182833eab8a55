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

/** Payloads beside those of all channel scenarios. @type {import('./scenario.js').Case[]} */
export const moreChannelCases = [
  {
    name: '1 KB string',
    unit: '1000/s',
    better: 'higher',
    params: { payload: '1 KB string', messages: 50_000, warmup: 10_000 },
    quick: { messages: 10_000, warmup: 3_000 },
  },
  {
    name: '100 records',
    unit: '1000/s',
    better: 'higher',
    params: { payload: '100 records', messages: 4_000, warmup: 1_000 },
    quick: { messages: 1_000, warmup: 300 },
  },
  {
    name: '64 KiB',
    unit: 'MiB/s',
    better: 'higher',
    params: { payload: '64 KiB', messages: 4_000, warmup: 400 },
    quick: { messages: 500, warmup: 100 },
  },
  {
    name: '64 MiB',
    unit: 'MiB/s',
    better: 'higher',
    params: { payload: '64 MiB', messages: 8, warmup: 2 },
    quick: { messages: 3, warmup: 1 },
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

/**
 * @param {string} name
 * @param {string} file of drivers/
 * @param {'manyToOne' | 'oneToMany'} topology
 * @param {object} params
 * @returns {import('./scenario.js').Driver}
 */
export const fan = (name, file, topology, params) => ({
  name,
  params,
  measure: async (all) => {
    const [driver, fans] = [await import(`../drivers/${file}.js`), await import('./fans.js')];
    return fans[topology](await fans.hubOfWires(() => driver.openWire(all), all.members), all);
  },
});
