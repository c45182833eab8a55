/**
 * Mutates valid messages and reads them: anything but a value or a `DeserializationError` is a finding,
 * so is a message that takes longer than a second or more memory than many times its length.
 *
 * `node dist-test/fuzz/codec-fuzz.js [runs] [seed]`, or `MULTIPROC_FUZZ_RUNS`.
 */
import { DeserializationError } from '#src/errors.js';
import { decodeArgs, decodeValue, encodeValue } from '#src/wire/codec.js';
import { decodeFailure, encodeFailure } from '#src/wire/remote-error.js';
import { type Choose, seededChoice } from '../support/seeded-random.js';
import { CRASHERS } from './codec-crashers.js';

export interface FuzzReport {
  readonly runs: number;
  readonly failures: { readonly bytes: string; readonly error: string }[];
}

export function fuzz(runs: number, seed: number): FuzzReport {
  const random = seededChoice(seed);
  const corpus = corpusOfMessages();
  const failures: FuzzReport['failures'] = [];
  for (let run = 0; run < runs; run++) {
    const bytes = mutated(corpus[random(corpus.length)] as Uint8Array, corpus, random);
    const error = failureOf(bytes);
    if (error !== undefined) {
      failures.push({ bytes: Buffer.from(bytes).toString('hex'), error });
    }
  }
  if (Reflect.ownKeys(Object.prototype).length !== PROTOTYPE_KEYS) {
    failures.push({ bytes: '', error: 'Object.prototype was changed' });
  }
  return { runs, failures };
}

function failureOf(bytes: Uint8Array): string | undefined {
  const before = performance.now();
  const memory = usedBytes();
  for (const decode of DECODERS) {
    try {
      decode(bytes);
    } catch (error) {
      if (!(error instanceof DeserializationError)) {
        return String(error);
      }
    }
  }
  try {
    decodeFailure(bytes, 0, bytes.length);
  } catch (error) {
    return `decodeFailure() threw ${String(error)}`;
  }
  const taken = usedBytes() - memory;
  if (taken > MEMORY_MIN + bytes.length * MEMORY_PER_BYTE) {
    return `took ${taken} bytes of memory`;
  }
  const elapsed = performance.now() - before;
  return elapsed > LIMIT_MS ? `took ${elapsed} ms` : undefined;
}

function usedBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const DECODERS: readonly ((bytes: Uint8Array) => unknown)[] = [
  (bytes) => decodeValue(bytes, 0, bytes.length),
  (bytes) => decodeValue(bytes, 0, bytes.length, { owned: true }),
  (bytes) => decodeValue(bytes, 0, bytes.length, { limits: {} }),
  (bytes) => decodeArgs(bytes, 0, bytes.length),
];

function mutated(message: Uint8Array, corpus: readonly Uint8Array[], random: Choose): Uint8Array {
  let bytes = new Uint8Array(message);
  for (let rest = 1 + random(6); rest > 0; rest--) {
    const at = random(bytes.length + 1);
    switch (random(6)) {
      case 0:
        bytes[at] = random(256);
        break;
      case 1:
        bytes[at] = 0xc0 + random(0x22);
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3:
        bytes = joined(bytes.subarray(0, at), new Uint8Array(random(9)).fill(0xff), bytes.subarray(at));
        break;
      case 4: {
        const other = corpus[random(corpus.length)] as Uint8Array;
        bytes = joined(bytes.subarray(0, at), other.subarray(random(other.length)));
        break;
      }
      default:
        bytes = joined(bytes.subarray(0, at), bytes.subarray(random(bytes.length + 1)));
    }
  }
  return bytes;
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts));
}

function corpusOfMessages(): Uint8Array[] {
  const cycle: { self?: unknown; list?: unknown[] } = {};
  cycle.self = cycle;
  cycle.list = [cycle, new Map([[cycle, new Set([cycle])]])];
  const values: unknown[] = [
    1,
    -5,
    1.5,
    70_000,
    12n,
    2n ** 100n,
    'text',
    'x'.repeat(300),
    '日本語'.repeat(30),
    null,
    Object.assign(new Array(3), { 0: 1, 2: 3 }),
    new Array(1000),
    cycle,
    Array.from({ length: 40 }, (_, id) => ({ id, name: `n${id}`, at: new Date(id), tags: ['a', 'b'] })),
    Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${i}`, i])),
    { bytes: Buffer.alloc(100, 1), view: new Float64Array(4), data: new DataView(new ArrayBuffer(9)), raw: new ArrayBuffer(3) },
    [
      /x/giu,
      new URL('https://a/b'),
      new URLSearchParams('a=1'),
      Object(1),
      Object('s'),
      Object.assign(Object.create(null), { a: 1 }),
    ],
    [new TypeError('t', { cause: new AggregateError([new RangeError('r')], 'a') }), new DOMException('d', 'AbortError')],
    Object.assign([1, 2, 3], { index: 4, input: 'x' }),
    Array.from({ length: 30 }, (_, i) => i * 1000),
    [Array.from({ length: 12 }, (_, i) => i / 3), 'a', 'b', 'c', 'd', 'é', 1, 2, 3, 4, 5, 6, 7, 8, 9],
    Object.assign(new Array<unknown>(40).fill(7, 0, 15).fill('text', 20, 30)),
    JSON.parse('{"__proto__":{"a":1},"constructor":{"prototype":1}}'),
  ];
  const messages = values.map((value) => encodeValue(value, 'v'));
  messages.push(encodeFailure(new TypeError('failed', { cause: new Error('c') }), { name: 'Process-1', pid: 5 }));
  messages.push(encodeFailure({ thrown: [1] }, { name: 'Process-1', pid: 5 }));
  return [
    ...messages.map(({ buffer, start, end }) => new Uint8Array(buffer.subarray(start, end))),
    ...Object.values(CRASHERS).map((hex) => new Uint8Array(Buffer.from(hex, 'hex'))),
  ];
}

/** Reads one message in every way; gives what is wrong about it. */
export function findingOf(hex: string): string | undefined {
  return failureOf(Buffer.from(hex, 'hex'));
}

const LIMIT_MS = 1000;
/** What the process may take meanwhile for itself. */
const MEMORY_MIN = 16_000_000;
const MEMORY_PER_BYTE = 1000;
const PROTOTYPE_KEYS = Reflect.ownKeys(Object.prototype).length;

if (process.argv[1]?.endsWith('codec-fuzz.js') === true) {
  const runs = Number(process.argv[2] ?? process.env['MULTIPROC_FUZZ_RUNS'] ?? 100_000);
  const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
  const { failures } = fuzz(runs, seed);
  console.log(`${runs} runs with seed ${seed}, ${failures.length} failures`);
  for (const { bytes, error } of failures.slice(0, 20)) {
    console.log(error, bytes);
  }
  process.exitCode = failures.length === 0 ? 0 : 1;
}
