/** Values to bytes and back: what every argument, result and message costs both processes beside the channel. */
import { PAYLOADS } from '../harness/payloads.js';
import { NotMeasured } from '../harness/driver-kit.js';

const codec = (name, make, rest) => ({
  name,
  ...rest,
  measure: async (params) => {
    const { [make]: open, roundTripNs } = await import('../drivers/codecs.js');
    const opened = await open(params.options);
    if (opened.cannot?.includes(params.payload)) throw new NotMeasured('cannot carry it');
    return roundTripNs(opened, params);
  },
});

const payload = (name) => ({
  name,
  unit: 'ns',
  params: { payload: name, turns: 25, turnMs: 20 },
  quick: { turns: 9, turnMs: 5 },
});

export const scenario = {
  name: 'codec',
  about:
    'encode and decode of one value, in one process; v8 and msgpackr give views on the message for Buffers, ours copies as it must out of a ring, so the fair row there is "v8 + copy"',
  cases: Object.keys(PAYLOADS).map(payload),
  drivers: [
    codec('multiproc', 'ours', { ours: true }),
    codec('v8', 'viewingV8'),
    codec('v8 + copy', 'copyingV8'),
    codec('JSON', 'json'),
    codec('msgpackr (structuredClone)', 'msgpackr', { packages: ['msgpackr'], params: { options: { structuredClone: true } } }),
    codec('msgpackr (useRecords: false)', 'msgpackr', { packages: ['msgpackr'], params: { options: { useRecords: false } } }),
  ],
};
