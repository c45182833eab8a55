/**
 * Values to bytes and back within one process: ours and the codecs one would take instead. Each gives encode + decode of one value.
 */
import v8 from 'node:v8';
import { load } from '../harness/driver-kit.js';
import { PAYLOADS } from '../harness/payloads.js';

/** @typedef {{ encode: (value: unknown) => any, decode: (message: any) => unknown, cannot?: readonly string[] }} Codec */

/** What the library itself uses; bytes are copied out of the message, as they must be out of a ring. @returns {Promise<Codec>} */
export async function ours() {
  const { encodeValue, decodeValue } = await load('#src/wire/codec.js', 'encodeValue', 'decodeValue');
  return {
    encode: (value) => encodeValue(value, 'value'),
    decode: ({ buffer, start, end }) => decodeValue(buffer, start, end),
  };
}

/** `v8.deserialize` gives Buffers as views on the message. @returns {Codec} */
export const viewingV8 = () => ({ encode: v8.serialize, decode: v8.deserialize });

/** What v8 costs if the message is not the reader's to keep. @returns {Codec} */
export const copyingV8 = () => ({ encode: v8.serialize, decode: (message) => v8.deserialize(Buffer.from(message)) });

/** @returns {Codec} */
export const json = () => ({
  encode: (value) => JSON.stringify(value),
  decode: JSON.parse,
  cannot: ['Map of 50', '64 KiB Buffer', '1 MiB Buffer'],
});

/** Views on the message for Buffers, as v8. @param {object} options @returns {Promise<Codec>} */
export async function msgpackr(options) {
  const { Packr } = await load('msgpackr', 'Packr');
  const packr = new Packr(options);
  return { encode: (value) => packr.pack(value), decode: (message) => packr.unpack(message) };
}

/** Nanoseconds of one encode and decode: the lower quartile of all turns. @param {Codec} codec @param {{ payload: string, turns: number, turnMs: number }} params */
export function roundTripNs(codec, { payload, turns, turnMs }) {
  warmUp(codec);
  const value = PAYLOADS[payload];
  let calls = 1;
  while (nsOf(codec, value, calls) * calls < turnMs * 1e6) calls *= 2;
  // The compiler works beside this thread, and late on a busy machine.
  for (const end = performance.now() + WARM_UP_MS; performance.now() < end; ) nsOf(codec, value, calls);
  const times = Array.from({ length: turns }, () => nsOf(codec, value, calls));
  return times.sort((a, b) => a - b)[turns >> 2];
}

function nsOf({ encode, decode }, value, calls) {
  const start = performance.now();
  for (let i = 0; i < calls; i++) decode(encode(value));
  return ((performance.now() - start) * 1e6) / calls;
}

/** A program sends more than one kind of value: nothing is measured that was compiled for one only. */
function warmUp(codec) {
  for (const [name, value] of Object.entries(PAYLOADS)) {
    if (!codec.cannot?.includes(name)) nsOf(codec, value, name.startsWith('1 MiB') ? 5 : 300);
  }
}

const WARM_UP_MS = 300;
