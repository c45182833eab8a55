/** What the channel scenarios share: the payloads, and the drivers over Node's own channels. Loads no competitor. */

/**
 * @param {string} payload
 * @param {'1000/s' | 'MiB/s'} unit
 * @param {readonly [messages: number, warmup: number]} counts
 * @param {readonly [messages: number, warmup: number]} quick
 * @returns {import('./scenario.js').Case}
 */
const payloadCase = (payload, unit, [messages, warmup], [quickMessages, quickWarmup]) => ({
  name: payload === 'number' ? 'numbers' : payload,
  unit,
  better: 'higher',
  params: { payload, messages, warmup },
  quick: { messages: quickMessages, warmup: quickWarmup },
});

export const channelCases = [
  payloadCase('number', '1000/s', [400_000, 200_000], [20_000, 5_000]),
  payloadCase('{id,name}', '1000/s', [400_000, 200_000], [20_000, 5_000]),
  payloadCase('1 MiB', 'MiB/s', [2_000, 1_000], [32, 4]),
];

/** Payloads beside those of all channel scenarios. */
export const moreChannelCases = [
  payloadCase('1 KB string', '1000/s', [400_000, 200_000], [10_000, 3_000]),
  payloadCase('100 records', '1000/s', [20_000, 10_000], [1_000, 300]),
  payloadCase('64 KiB', 'MiB/s', [40_000, 20_000], [500, 100]),
  payloadCase('64 MiB', 'MiB/s', [32, 16], [3, 1]),
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
