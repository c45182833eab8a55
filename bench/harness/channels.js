/**
 * The channel topologies: one sender and one receiver in another process or thread. Runs on both sides.
 * The sender announces `['count', n]`, sends n messages, and the receiver answers with their checksum;
 * `['echo', n]` makes it send n messages back instead, `['produce', n, payload]` send n of its own; `['end']` makes it send the
 * checksum of what came since the last one. Everything else is payload.
 *
 * @typedef {object} Wire the sender's end
 * @property {(message: any) => unknown} send
 * @property {(message: any) => Promise<unknown>} written resolves when the channel has taken the message
 * @property {(handler: (message: any) => void) => unknown} onMessage
 * @property {() => unknown} close
 */
import { check, closeOrRemark } from './driver-kit.js';

/** One way, as fast as the channel takes them. Thousand messages per second, or MiB per second of long ones. */
export async function oneToOne(/** @type {Wire} */ wire, { payload, messages, warmup }) {
  const answers = answersOf(wire);
  await stream(wire, answers, payload, warmup);
  const start = performance.now();
  await stream(wire, answers, payload, messages);
  const seconds = (performance.now() - start) / 1e3;
  await closeOrRemark(() => wire.close());
  return rateOf(payload, messages, seconds);
}

/** Thousand messages per second, or MiB per second of long ones. @param {string} payload */
export function rateOf(payload, messages, seconds) {
  return (messages * (MEBIBYTES[payload] ?? 1e-3)) / seconds;
}

/** One message in flight, there and back. Microseconds per round trip. */
export async function pingPong(/** @type {Wire} */ wire, { roundTrips, warmup }) {
  const answers = answersOf(wire);
  await bounce(wire, answers, warmup);
  const start = performance.now();
  await bounce(wire, answers, roundTrips);
  const us = ((performance.now() - start) * 1e3) / roundTrips;
  await closeOrRemark(() => wire.close());
  return us;
}

/** The receiver's end. */
export function serveChannel({ send, onMessage }) {
  let [role, left, total] = ['', 0, 0];
  onMessage((message) => {
    if (isCommand(message)) {
      if (message[0] === 'end') send(total);
      if (message[0] === 'produce') produce(message, send);
      [role, left] = message;
      total = 0;
      return;
    }
    left--;
    if (role === 'echo') return send(message);
    total += weightOf(message);
    if (left === 0) send(total);
  });
}

async function stream(wire, answers, payload, count) {
  const make = payloadMaker(payload);
  let total = 0;
  const answer = answers.next();
  wire.send(['count', count]);
  if (payload in MEBIBYTES) {
    const window = [];
    for (let i = 0; i < count; i++) {
      if (i >= WRITES_IN_FLIGHT) await window[i % WRITES_IN_FLIGHT];
      const message = make(i);
      total += weightOf(message);
      window[i % WRITES_IN_FLIGHT] = wire.written(message);
    }
  } else {
    for (let i = 0; i < count; i++) {
      const message = make(i);
      total += weightOf(message);
      wire.send(message);
    }
  }
  check(await answer, total, 'checksum');
}

async function bounce(wire, answers, count) {
  wire.send(['echo', count]);
  for (let i = 0; i < count; i++) {
    const answer = answers.next();
    wire.send(i);
    check(await answer, i, 'echo');
  }
}

/** The next message from the receiver; at most one is awaited at a time. */
function answersOf(wire) {
  let deliver = (/** @type {any} */ _message) => {};
  wire.onMessage((message) => deliver(message));
  return { next: () => new Promise((resolve) => (deliver = resolve)) };
}

/** Whether it is none of the payloads. */
export const isCommand = (message) => Array.isArray(message) && typeof message[0] === 'string';

/** Sends so many messages. @param {[string, number, string]} command @param {(message: any) => unknown} send */
export function produce([, count, payload], send) {
  const make = payloadMaker(payload);
  for (let i = 0; i < count; i++) send(make(i));
}

/** What the receiver adds up. */
export function weightOf(message) {
  if (typeof message === 'number') return message;
  if (typeof message === 'string') return message.length + message.charCodeAt(0);
  if (Array.isArray(message)) return message.length + message.at(-1).id;
  if ('id' in message) return message.id + message.name.length;
  const bytes = message.type === 'Buffer' ? Buffer.from(message.data) : message; // what JSON makes of a Buffer
  return bytes.length + bytes[0] + bytes.at(-1);
}

/** @param {string} payload @returns {(i: number) => any} */
export function payloadMaker(payload) {
  const mebibytes = MEBIBYTES[payload];
  if (mebibytes === undefined) return PAYLOADS[payload];
  const count = mebibytes > 8 ? 1 : 8; // several, because a channel may encode later
  const large = Array.from({ length: count }, (_, i) => Buffer.alloc(mebibytes * 2 ** 20, i + 1));
  return (i) => large[i % count];
}

const texts = Array.from({ length: 8 }, (_, i) => Buffer.alloc(1024, 65 + i).toString('latin1'));
const records = Array.from({ length: 100 }, (_, id) => ({ id, name: `item ${id}`, price: id * 1.5, tags: ['a', 'b'] }));
const PAYLOADS = {
  number: (i) => i,
  '{id,name}': (i) => ({ id: i, name: `item ${i}` }),
  '1 KB string': (i) => texts[i % 8],
  '100 records': () => records,
};
/** Of payloads that are bytes. */
const MEBIBYTES = { '64 KiB': 1 / 16, '1 MiB': 1, '64 MiB': 64 };
const WRITES_IN_FLIGHT = 4;
