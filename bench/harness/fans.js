/**
 * Several senders to one receiver, and one sender to several receivers that share the work. Runs in the measurement process.
 *
 * @typedef {object} Hub the measurement process's end of a channel to several members
 * @property {number} members
 * @property {(member: number, message: any) => unknown} tell sends to one member, for commands
 * @property {(message: any) => unknown} send sends to whichever member takes it
 * @property {(member: number) => unknown} end says that no more comes until its answer
 * @property {(handler: (message: any) => void) => unknown} onMessage what any of them sends
 * @property {() => unknown} close
 */
import { payloadMaker, rateOf, weightOf } from './channels.js';
import { check, closeOrRemark } from './driver-kit.js';

/** All members send at once. Thousand messages per second, or MiB per second of long ones. */
export async function manyToOne(/** @type {Hub} */ hub, { payload, messages, warmup }) {
  const share = (count) => Math.floor(count / hub.members);
  const gather = gathererOf(hub);
  await fanIn(hub, gather, payload, share(warmup));
  const start = performance.now();
  await fanIn(hub, gather, payload, share(messages));
  const seconds = (performance.now() - start) / 1e3;
  await closeOrRemark(() => hub.close());
  return rateOf(payload, share(messages) * hub.members, seconds);
}

/** Each message goes to one of the members. Thousand messages per second, or MiB per second of long ones. */
export async function oneToMany(/** @type {Hub} */ hub, { payload, messages, warmup }) {
  const gather = gathererOf(hub);
  await fanOut(hub, gather, payload, warmup);
  const start = performance.now();
  await fanOut(hub, gather, payload, messages);
  const seconds = (performance.now() - start) / 1e3;
  await closeOrRemark(() => hub.close());
  return rateOf(payload, messages, seconds);
}

async function fanIn(hub, gather, payload, share) {
  const make = payloadMaker(payload);
  let expected = 0;
  for (let i = 0; i < share; i++) expected += weightOf(make(i)) * hub.members;
  const sum = gather(share * hub.members);
  for (let member = 0; member < hub.members; member++) hub.tell(member, ['produce', share, payload]);
  check(await sum, expected, 'checksum');
}

async function fanOut(hub, gather, payload, count) {
  const make = payloadMaker(payload);
  let expected = 0;
  const sum = gather(hub.members);
  for (let i = 0; i < count; i++) {
    const message = make(i);
    expected += weightOf(message);
    await hub.send(message);
  }
  for (let member = 0; member < hub.members; member++) await hub.end(member);
  check(await sum, expected, 'checksum');
}

/** Sums what the next so many messages weigh. */
function gathererOf(hub) {
  let [left, total] = [0, 0];
  let done = (/** @type {number} */ _total) => {};
  hub.onMessage((message) => {
    total += weightOf(message);
    if (--left === 0) done(total);
  });
  return (/** @type {number} */ count) => {
    [left, total] = [count, 0];
    return new Promise((resolve) => (done = resolve));
  };
}

/** A hub of channels of their own: messages go round. @param {() => Promise<import('./channels.js').Wire>} open @returns {Promise<Hub>} */
export async function hubOfWires(open, members) {
  const wires = await Promise.all(Array.from({ length: members }, open));
  let next = 0;
  return {
    members,
    tell: (member, message) => wires[member].send(message),
    send: (message) => wires[next++ % members].written(message),
    end: (member) => wires[member].send(['end']),
    onMessage: (handler) => wires.forEach((wire) => wire.onMessage(handler)),
    close: () => Promise.all(wires.map((wire) => wire.close())),
  };
}
