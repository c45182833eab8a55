/**
 * The channel topologies: one sender and one receiver in another process or thread. Runs on both sides.
 * The sender announces `['count', n]`, sends n messages, and the receiver answers with their checksum;
 * `['echo', n]` makes it send n messages back instead. Everything else is payload.
 *
 * @typedef {object} Wire the sender's end
 * @property {(message: any) => unknown} send
 * @property {(message: any) => Promise<unknown>} written resolves when the channel has taken the message
 * @property {(handler: (message: any) => void) => unknown} onMessage
 * @property {() => unknown} close
 */
import { check, closeOrRemark } from './driver-kit.js';

/** One way, as fast as the channel takes them. Thousand messages per second, or MiB per second for '1 MiB'. */
export async function oneToOne(/** @type {Wire} */ wire, { payload, messages, warmup }) {
  const answers = answersOf(wire);
  await stream(wire, answers, payload, warmup);
  const start = performance.now();
  await stream(wire, answers, payload, messages);
  const seconds = (performance.now() - start) / 1e3;
  await closeOrRemark(() => wire.close());
  return payload === '1 MiB' ? messages / seconds : messages / seconds / 1e3;
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
    if (Array.isArray(message)) return void (([role, left] = message), (total = 0));
    left--;
    if (role === 'echo') return send(message);
    total += weightOf(message);
    if (left === 0) send(total);
  });
}

async function stream(wire, answers, payload, count) {
  const make = PAYLOADS[payload];
  let total = 0;
  const answer = answers.next();
  wire.send(['count', count]);
  if (payload === '1 MiB') {
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

function weightOf(message) {
  if (typeof message === 'number') return message;
  if ('id' in message) return message.id + message.name.length;
  const bytes = message.type === 'Buffer' ? Buffer.from(message.data) : message; // what JSON makes of a Buffer
  return bytes.length + bytes[0] + bytes.at(-1);
}

const large = Array.from({ length: 8 }, (_, i) => Buffer.alloc(2 ** 20, i)); // several, because a channel may encode later
const PAYLOADS = {
  number: (i) => i,
  '{id,name}': (i) => ({ id: i, name: `item ${i}` }),
  '1 MiB': (i) => large[i % large.length],
};
const WRITES_IN_FLIGHT = 4;
