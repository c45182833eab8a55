/**
 * Mutates what comes over sockets: dialogs about keys, streams of messages in pieces of any size, and what knocks at a living
 * listener. A finding is anything but the errors that are promised, a proof that was taken although something was changed, a
 * message that is not the one that was sent, and a listener that no longer lets in who has the key.
 *
 * `node dist-test/fuzz/connection-fuzz.js [runs] [seed]`; prints its seed.
 */
import { connect } from 'node:net';
import type { ByteChannel } from '#src/channel/byte-channel.js';
import { frameHeader, FrameReader, HEADER_MAX } from '#src/channel/frame-reader.js';
import { clientDialog, type Dialog, type HandshakeOptions, listenerDialog } from '#src/channel/handshake.js';
import { answerPython, challengePython } from '#src/channel/python-handshake.js';
import { Client, Listener } from '#src/index.js';
import {
  AuthenticationError,
  ChannelClosedError,
  DeserializationError,
  MessageTooLargeError,
  ProtocolError,
} from '#src/errors.js';
import { WOULD_BLOCK } from '#src/substrate/socket-handle.js';
import { decodeValue, encodeValue } from '#src/wire/codec.js';
import { type Choose, seededChoice } from '../support/seeded-random.js';

export interface ConnectionFuzzReport {
  readonly runs: number;
  readonly findings: string[];
}

/** @param runs Of these, seven in ten are streams, three dialogs; one in a thousand knocks at a listener. */
export async function fuzzConnections(runs: number, seed: number): Promise<ConnectionFuzzReport> {
  const random = seededChoice(seed);
  const findings: string[] = [];
  const knocks: Uint8Array[] = [];
  for (let run = 0; run < runs && findings.length < FINDINGS_MAX; run++) {
    const finding = run % 10 < 7 ? fuzzStream(random) : fuzzDialog(random);
    if (finding !== undefined) findings.push(`run ${run}: ${finding}`);
    if (run % 1000 === 0) knocks.push(mutated(validStream(random).bytes, random));
  }
  for (let at = 0; at < knocks.length; at += KNOCKS_AT_ONCE) {
    const finding = await fuzzListener(knocks.slice(at, at + KNOCKS_AT_ONCE));
    if (finding !== undefined) findings.push(finding);
  }
  return { runs, findings };
}

interface Sent {
  readonly isValue: boolean;
  readonly body: Uint8Array;
}

/** Reads a stream of messages, changed or not, that comes in pieces. */
function fuzzStream(random: Choose): string | undefined {
  const { sent, bytes } = validStream(random);
  const isChanged = random(3) > 0;
  const stream = isChanged ? mutated(bytes, random) : bytes;
  const source = piecewise(stream, random);
  let reader = new FrameReader(source, LIMIT_BYTES);
  const before = process.memoryUsage().arrayBuffers;
  let received = 0;
  let isHandedOver = false;
  for (;;) {
    try {
      if (random(4) === 0) reader.isReady();
      if (!isHandedOver && random(6) === 0) {
        reader = handedOver(reader, source);
        isHandedOver = true;
      }
      const frame = reader.next();
      if (frame === undefined) {
        if (source.isOver) return 'the reader waits at the end of the stream';
        continue;
      }
      const body = frame.buffer.subarray(frame.start, frame.end);
      if (body.length > LIMIT_BYTES) return 'a message is above the limit';
      const expected = sent[received++];
      if (!isChanged && (expected?.isValue !== frame.isValue || Buffer.compare(body, expected.body) !== 0))
        return 'another message came';
      if (frame.isValue) readValue(body);
    } catch (error) {
      if (!(error instanceof ChannelClosedError || error instanceof MessageTooLargeError || error instanceof ProtocolError))
        return `reading threw ${String(error)}`;
      if (!isChanged && received !== sent.length)
        return `the stream ended after ${received} of ${sent.length} messages: ${String(error)}`;
      const taken = process.memoryUsage().arrayBuffers - before;
      return taken > 2 ** 26 ? `took ${taken} bytes` : undefined;
    }
  }
}

/** As in another process, to which the stream was sent: it reads first what was read here and not used. */
function handedOver(reader: FrameReader, source: Pick<ByteChannel, 'read'>): FrameReader {
  let rest = reader.readExactly(source);
  const heir = new FrameReader(source, LIMIT_BYTES);
  heir.readExactly({
    read(into, offset, length) {
      if (rest.length === 0) return source.read(into, offset, length);
      const count = Math.min(length, rest.length);
      into.set(rest.subarray(0, count), offset);
      rest = rest.subarray(count);
      return count;
    },
  });
  return heir;
}

function readValue(body: Uint8Array): void {
  try {
    decodeValue(body, 0, body.length, { allow: () => false, limits: {} });
  } catch (error) {
    if (!(error instanceof DeserializationError)) throw new Error(`a value threw ${String(error)}`, { cause: error });
  }
}

/** Two ends talk about keys while somebody in the middle changes, drops or repeats something. */
function fuzzDialog(random: Choose): string | undefined {
  const keys: HandshakeOptions[] = [
    { authKey: KEY, legacyAuth: random(2) === 0 },
    { authKey: random(4) === 0 ? OTHER_KEY : KEY },
  ];
  const [ours, theirs] = keys as [HandshakeOptions, HandshakeOptions];
  const isPython = random(3) === 0;
  const listener = isPython && random(2) === 0 ? both(challengePython(ours), answerPython(ours)) : listenerDialog(ours);
  const client = isPython ? both(answerPython(theirs), challengePython(theirs)) : clientDialog(theirs);
  let isChanged = false;
  const change = (bytes: Uint8Array): Uint8Array => {
    if (random(3) > 0) return bytes;
    const changed = random(8) === 0 ? new Uint8Array(random(300)).map(() => random(256)) : mutated(bytes, random);
    isChanged ||= Buffer.compare(bytes, changed) !== 0;
    return changed;
  };
  const outcome = talk(listener, client, change);
  if (outcome.failure !== undefined) return `a dialog threw ${outcome.failure.message}`;
  const isRight = ours.authKey === theirs.authKey;
  if (isChanged && outcome.done.listener && outcome.done.client) return 'both ends are content with a dialog that was changed';
  if (!isRight && (outcome.done.listener || outcome.done.client)) return 'one end is content with another key';
  return !isChanged && isRight && !(outcome.done.listener && outcome.done.client) ? 'a right dialog failed' : undefined;
}

function* both(first: Dialog<void>, second: Dialog<void>): Dialog<void> {
  yield* first;
  yield* second;
}

interface End {
  readonly dialog: Dialog<unknown>;
  step: IteratorResult<unknown> | undefined;
  readonly inbox: Uint8Array[];
}

/** Runs two dialogs against each other until neither can go on. */
function talk(listener: Dialog<unknown>, client: Dialog<unknown>, change: (bytes: Uint8Array) => Uint8Array) {
  const ends: readonly [End, End] = [
    { dialog: listener, step: undefined, inbox: [] },
    { dialog: client, step: undefined, inbox: [] },
  ];
  const over = [false, false];
  let failure: Error | undefined;
  const advance = (index: 0 | 1, input: Uint8Array | undefined) => {
    const end = ends[index];
    try {
      end.step = input === undefined ? end.dialog.next(new Uint8Array(0)) : end.dialog.next(input);
      if (end.step.done === true) over[index] = true;
    } catch (error) {
      over[index] = true;
      end.step = undefined;
      if (!(error instanceof AuthenticationError)) failure ??= error as Error;
    }
  };
  for (const index of [0, 1] as const) advance(index, undefined);
  for (let progress = true; progress && failure === undefined; ) {
    progress = false;
    for (const index of [0, 1] as const) {
      const end = ends[index];
      const value = end.step?.value;
      if (over[index] === true) continue;
      if (typeof value === 'object' && value !== null && 'send' in value) {
        ends[(1 - index) as 0 | 1].inbox.push(change(value.send as Uint8Array));
        advance(index, undefined);
        progress = true;
      } else if (end.inbox.length > 0) {
        advance(index, end.inbox.shift());
        progress = true;
      }
    }
  }
  return { failure, done: { listener: ends[0].step?.done === true, client: ends[1].step?.done === true } };
}

/** Lets streams knock at a listener with a key, all at once, then somebody who has it. */
async function fuzzListener(knocks: readonly Uint8Array[]): Promise<string | undefined> {
  const listener = await new Listener({ authKey: KEY, ...(knocks.length % 2 === 0 ? { address: {} } : {}) }).listen();
  try {
    const { address } = listener;
    const accepting = listener.accept<string>(LISTENER_MS);
    await Promise.all(
      knocks.map(async (bytes) => {
        const raw = typeof address === 'string' ? connect(address) : connect(address.port, address.host);
        raw.on('error', () => undefined);
        raw.resume().end(bytes);
        await new Promise((resolve) => raw.once('close', resolve));
      }),
    );
    const client = await Client<string>(address, { authKey: KEY, timeout: LISTENER_MS });
    await client.send('in');
    const server = await accepting;
    const heard = await server.recv(LISTENER_MS);
    client.close();
    server.close();
    return heard === 'in' ? undefined : 'a listener gave another message';
  } catch (error) {
    return `a listener was disturbed: ${String(error)}`;
  } finally {
    listener.close();
  }
}

function validStream(random: Choose): { sent: Sent[]; bytes: Uint8Array } {
  const sent = Array.from({ length: 1 + random(5) }, (): Sent => {
    const isValue = random(2) === 0;
    return {
      isValue,
      body: isValue ? encoded(VALUES[random(VALUES.length)]) : filled(SIZES[random(SIZES.length)] as number, random),
    };
  });
  const parts = sent.map(({ isValue, body }) => {
    const framed = new Uint8Array(HEADER_MAX + body.length);
    framed.set(body, HEADER_MAX);
    return framed.subarray(frameHeader(framed, HEADER_MAX, body.length, isValue));
  });
  return { sent, bytes: Buffer.concat(parts) };
}

function encoded(value: unknown): Uint8Array {
  const { buffer, start, end } = encodeValue(value, 'value');
  return buffer.slice(start, end);
}

function filled(size: number, random: Choose): Uint8Array {
  return new Uint8Array(size).fill(random(256));
}

/** Gives bytes as a socket would: in pieces, with times when nothing is there, then the end. */
function piecewise(stream: Uint8Array, random: Choose) {
  let at = 0;
  return {
    isOver: false,
    read(into: Uint8Array, offset: number, length: number): number {
      if (length <= 0) throw new Error(`asked for ${length} bytes`);
      if (!this.isOver && random(5) === 0) return WOULD_BLOCK;
      const count = Math.min(length, stream.length - at, random(4) === 0 ? 1 + random(5) : 1 + random(2 ** 17));
      into.set(stream.subarray(at, at + count), offset);
      at += count;
      this.isOver = count === 0;
      return count;
    },
  };
}

function mutated(bytes: Uint8Array, random: Choose): Uint8Array {
  let changed = Uint8Array.from(bytes);
  for (let rest = 1 + random(4); rest > 0; rest--) {
    const at = random(changed.length + 1);
    switch (random(6)) {
      case 0:
        changed[at] = random(256);
        break;
      case 1:
        changed = changed.subarray(0, at);
        break;
      case 2:
        changed = Buffer.concat([changed.subarray(0, at), filled(random(9), random), changed.subarray(at)]);
        break;
      case 3:
        changed = Buffer.concat([changed.subarray(0, at), changed.subarray(Math.min(changed.length, at + random(9)))]);
        break;
      case 4:
        changed = Buffer.concat([
          changed.subarray(0, at),
          Buffer.from([0xff, 0xff, 0xff, 0xff - random(3)]),
          changed.subarray(at),
        ]);
        break;
      default:
        changed = Buffer.concat([
          changed.subarray(0, at),
          Buffer.from([0x80, 0, 0, 0, 0, 0, 0, random(2), random(256)]),
          changed.subarray(at),
        ]);
    }
  }
  return changed;
}

const KEY = Buffer.from('the key of both ends');
const OTHER_KEY = Buffer.from('the key of one of them');
const VALUES: readonly unknown[] = [
  0,
  'text',
  null,
  [1, 2, 3],
  { a: { b: [true] } },
  new Map([[1, new Set(['x'])]]),
  'x'.repeat(300),
  new Error('e'),
];
const SIZES = [0, 0, 1, 3, 4, 12, 16, 100, 255, 4096, 2 ** 15, 2 ** 15 + 1, 70_000];
const LIMIT_BYTES = 100_000;
const LISTENER_MS = 30_000;
const KNOCKS_AT_ONCE = 20;
const FINDINGS_MAX = 20;

if (process.argv[1]?.endsWith('connection-fuzz.js') === true) {
  const runs = Number(process.argv[2] ?? 1_000_000);
  const seed = Number(process.argv[3] ?? Date.now() % 2 ** 32);
  console.log(`connections: ${runs} inputs, seed ${seed}`);
  const started = performance.now();
  const { findings } = await fuzzConnections(runs, seed);
  for (const finding of findings) console.error(finding);
  console.log(`${findings.length} findings in ${((performance.now() - started) / 1000).toFixed(0)} s (seed ${seed})`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
