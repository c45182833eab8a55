/**
 * Ours, below the public API: the lock word and the ring by themselves. The ring carries values of our codec between two
 * processes that block in the futex, no event loop on either side.
 */
import { load } from '../harness/driver-kit.js';

/** The bare lock word. @param {{ iterations: number, warmup: number }} params */
export async function lockWordUncontended({ iterations, warmup }) {
  const { LockWord } = await load('#src/substrate/lock-word.js', 'LockWord');
  const { self } = await load('#src/substrate/self.js', 'self');
  const lock = new LockWord(self().allocator.allocate(LINE_BYTES).offset);
  acquireAndRelease(lock, warmup);
  const start = performance.now();
  acquireAndRelease(lock, iterations);
  return ((performance.now() - start) * 1e6) / iterations;
}

/**
 * The sender's end of a pair of rings; the receiver is another process that runs `serveRings`.
 * @returns {Promise<import('../harness/channels.js').Wire>}
 */
export async function openRings() {
  const { Process } = await load('multiproc', 'Process');
  const { self } = await load('#src/substrate/self.js', 'self');
  const offsets = [0, 1].map(() => self().allocator.allocate(RING_BYTES * 2).offset);
  const process = new Process({ target: serveRings, args: offsets });
  await process.start();
  const { send, receive, close } = await blockingEnds(offsets[0], offsets[1]);
  return {
    send,
    written: async (message) => send(message),
    onMessage: (handler) => void pollForAnswers(receive, handler),
    close: async () => {
      close();
      await process.join();
    },
  };
}

/** The receiver's end, until the sender closes. @param {number} into @param {number} out */
export async function serveRings(into, out) {
  const { serveChannel } = await import('../harness/channels.js');
  const { send, receive } = await blockingEnds(out, into);
  let handle = (/** @type {any} */ _message) => {};
  serveChannel({ send, onMessage: (handler) => (handle = handler) });
  while (receive(handle, Infinity));
}

/** Two event loops that only ring each other's doorbell: the floor for every round trip. @param {{ roundTrips: number, warmup: number }} params */
export async function doorbellPingPong({ roundTrips, warmup }) {
  const { Process } = await load('multiproc', 'Process');
  const { self } = await load('#src/substrate/self.js', 'self');
  const { offset } = self().allocator.allocate(2 * LINE_BYTES);
  const process = new Process({ target: answerDoorbell, args: [offset, self().id, warmup + roundTrips] });
  await process.start();
  const us = await pingDoorbell(offset, warmup, roundTrips);
  await process.join();
  return us;
}

/** The player who serves. */
async function pingDoorbell(offset, warmup, roundTrips) {
  const court = await doorbellCourt(offset);
  while (court.peer() === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const bell = court.bellOf(court.peer());
  let start = 0;
  await court.play(BACK, (ball) => {
    if (ball === warmup) start = performance.now();
    if (ball === warmup + roundTrips) return true;
    court.put(THERE, ball + 1);
    bell.ring();
  });
  return ((performance.now() - start) * 1e3) / roundTrips;
}

/** The player who returns. @param {number} offset @param {number} server id of the other player @param {number} rallies */
export async function answerDoorbell(offset, server, rallies) {
  const court = await doorbellCourt(offset);
  const bell = court.bellOf(server);
  court.enter();
  await court.play(THERE, (ball) => {
    court.put(BACK, ball);
    bell.ring();
    return ball === rallies;
  });
}

/** Two shared words, one per direction, and the doorbell that says that the other has changed. */
async function doorbellCourt(offset) {
  const { arena } = await load('#src/substrate/arena.js', 'arena');
  const { Bell } = await load('#src/substrate/doorbell.js', 'Bell');
  const { self } = await load('#src/substrate/self.js', 'self');
  /** @type {Int32Array} */
  const words = arena().words(offset, 2 * LINE_BYTES);
  const { doorbell, id } = self();
  return {
    bellOf: (player) => new Bell(player),
    enter: () => Atomics.store(words, PLAYER, id),
    peer: () => Atomics.load(words, PLAYER),
    put: (word, ball) => Atomics.store(words, word, ball),
    /** Calls `hit` for each new ball in `word` until it returns true. The first hit of the server has ball 0. */
    play: (word, hit) =>
      new Promise((resolve) => {
        let last = word === BACK ? -1 : 0;
        const pending = () => Atomics.load(words, word) !== last;
        const pump = () => {
          if (!pending()) return false;
          last = Atomics.load(words, word);
          if (hit(last)) {
            doorbell.remove(player);
            doorbell.release();
            resolve(undefined);
          }
          return false;
        };
        const player = { pump, pending };
        doorbell.hold();
        doorbell.add(player);
      }),
  };
}

/** One number there and back over two rings, both sides blocking. @param {{ roundTrips: number, warmup: number }} params */
export async function ringPingPong({ roundTrips, warmup }) {
  const { Process } = await load('multiproc', 'Process');
  const { self } = await load('#src/substrate/self.js', 'self');
  const offsets = [0, 1].map(() => self().allocator.allocate(RING_BYTES * 2).offset);
  const process = new Process({ target: serveRings, args: offsets });
  await process.start();
  const ends = await blockingEnds(offsets[0], offsets[1]);
  bounce(ends, warmup);
  const start = performance.now();
  bounce(ends, roundTrips);
  const us = ((performance.now() - start) * 1e3) / roundTrips;
  ends.close();
  await process.join();
  return us;
}

function bounce({ send, receive }, count) {
  send(['echo', count]);
  for (let i = 0; i < count; i++) {
    let back = -1;
    send(i);
    receive((message) => (back = message), Infinity);
    if (back !== i) throw new Error(`Wrong echo: expected ${i}, received ${back}`);
  }
}

/** Blocking send and receive over the rings at two offsets. */
async function blockingEnds(outOffset, inOffset) {
  const { RingConsumer } = await load('#src/substrate/ring-consumer.js', 'RingConsumer');
  const { RingProducer } = await load('#src/substrate/ring-producer.js', 'RingProducer');
  const { encodeValue, decodeValue } = await load('#src/wire/codec.js', 'encodeValue', 'decodeValue');
  const { now } = await load('#src/substrate/clock.js', 'now');
  const out = new RingProducer(outOffset, RING_BYTES);
  const into = new RingConsumer(inOffset, RING_BYTES);

  const send = (message) => {
    const { buffer, start, end } = encodeValue(message, 'message');
    let written = -1;
    while ((written = out.write(MESSAGE, buffer, start, end, written)) !== end - start) {
      out.wakeConsumer();
      out.sleepForRoom(now() + LONG_MS);
    }
    out.wakeConsumer();
  };

  /** Hands over what has arrived, after waiting for something. False: nothing came in time, or the other side closed. */
  const receive = (handler, timeoutMs) => {
    if (!into.readable() && !into.sleepForRecord(now() + Math.min(timeoutMs, LONG_MS))) return false;
    const take = (_kind, buffer, start, end) => handler(decodeValue(buffer, start, end));
    const messages = into.read(take, MESSAGES_PER_READ);
    into.wakeProducer();
    return messages > 0 || into.readable() || into.midMessage || !into.closed;
  };

  return { send, receive, close: () => out.close() };
}

/** Delivers answers to a sender that uses promises; the sender itself blocks while it sends. */
async function pollForAnswers(receive, handler) {
  for (;;) {
    receive(handler, 0);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function acquireAndRelease(lock, times) {
  for (let i = 0; i < times; i++) {
    lock.acquireSync();
    lock.release();
  }
}

const LINE_BYTES = 64;
const [THERE, BACK, PLAYER] = [0, LINE_BYTES / 4, LINE_BYTES / 4 + 1]; // words
const RING_BYTES = 4 * 2 ** 20;
const MESSAGE = 1;
const MESSAGES_PER_READ = 256;
const LONG_MS = 60_000;
