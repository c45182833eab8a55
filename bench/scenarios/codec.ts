/**
 * Encode and decode of single values, in one process: ours beside v8, JSON and msgpackr.
 *
 * `run()` gives nanoseconds. All codecs take turns within a payload, so that a slow moment of the machine
 * hits all of them; the figure is the lower quartile of the turns. `decode` copies bytes out of the message,
 * as a ring requires; v8 and msgpackr give views on it. Run alone with Node 24: `node bench/scenarios/codec.ts`.
 */
import v8 from 'node:v8';
import { decodeValue, encodeValue } from '#src/wire/codec.js';

/** Nanoseconds of one codec; `undefined` where it cannot carry the payload or is not installed. */
export interface CodecTime {
  readonly encode: number;
  readonly decode: number;
}

export interface CodecRow {
  readonly payload: string;
  readonly ours: CodecTime | undefined;
  readonly v8: CodecTime | undefined;
  readonly json: CodecTime | undefined;
  readonly msgpackr: CodecTime | undefined;
}

interface Codec {
  encode(value: unknown): unknown;
  decode(message: unknown): unknown;
}

interface Payload {
  readonly name: string;
  readonly value: unknown;
  /** Calls in one turn. */
  readonly calls: number;
  readonly json: boolean;
}

/** Measures all payloads; about ten seconds. */
export async function run(turns = 15): Promise<CodecRow[]> {
  const msgpackr = await loadMsgpackr();
  return PAYLOADS.map((payload) => {
    const json = payload.json ? JSON_CODEC : undefined;
    const [ours, v8Time, jsonTime, msgpackrTime] = measure(payload, [OURS, V8, json, msgpackr], turns);
    return { payload: payload.name, ours, v8: v8Time, json: jsonTime, msgpackr: msgpackrTime };
  });
}

function measure({ value, calls }: Payload, codecs: readonly (Codec | undefined)[], turns: number): (CodecTime | undefined)[] {
  const times = codecs.map(() => ({ encode: [] as number[], decode: [] as number[] }));
  for (let turn = -WARMUP_TURNS; turn < turns; turn++) {
    codecs.forEach((codec, index) => {
      if (codec === undefined) return;
      const message = codec.encode(value);
      const encode = timeOf(calls, () => codec.encode(value));
      const decode = timeOf(calls, () => codec.decode(message));
      if (turn >= 0) {
        times[index]?.encode.push(encode);
        times[index]?.decode.push(decode);
      }
    });
  }
  return times.map(({ encode, decode }) =>
    encode.length === 0 ? undefined : { encode: lowerQuartile(encode), decode: lowerQuartile(decode) },
  );
}

function timeOf(calls: number, act: () => unknown): number {
  const before = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) {
    act();
  }
  return Number(process.hrtime.bigint() - before) / calls;
}

function lowerQuartile(times: number[]): number {
  return Math.round(times.toSorted((a, b) => a - b)[times.length >> 2] ?? Number.NaN);
}

/** msgpackr with what it needs to keep dates, maps and cycles; it is no dependency. */
async function loadMsgpackr(): Promise<Codec | undefined> {
  const name = process.env['MULTIPROC_BENCH_MSGPACKR'] ?? 'msgpackr';
  try {
    const { Packr } = (await import(name)) as {
      Packr: new (options: object) => { pack(value: unknown): Buffer; unpack(bytes: Buffer): unknown };
    };
    const packr = new Packr({ structuredClone: true });
    return { encode: (value) => packr.pack(value), decode: (message) => packr.unpack(message as Buffer) };
  } catch {
    return undefined;
  }
}

const OURS: Codec = {
  encode: (value) => encodeValue(value, 'value'),
  decode(message) {
    const { buffer, start, end } = message as { buffer: Uint8Array; start: number; end: number };
    return decodeValue(buffer, start, end);
  },
};
const V8: Codec = { encode: (value) => v8.serialize(value), decode: (message) => v8.deserialize(message as Buffer) };
const JSON_CODEC: Codec = {
  encode: (value) => JSON.stringify(value),
  decode: (message) => JSON.parse(message as string) as unknown,
};

const PAYLOADS: readonly Payload[] = [
  { name: 'number', value: 12_345, calls: 20_000, json: true },
  { name: '{id,name}', value: { id: 7, name: 'worker 7' }, calls: 10_000, json: true },
  { name: '1 KB string', value: 'abcdefghijklmnop'.repeat(64), calls: 5000, json: true },
  {
    name: '100 records',
    value: Array.from({ length: 100 }, (_, i) => ({
      id: i,
      name: `user ${i}`,
      email: `user${i}@example.com`,
      active: i % 2 === 0,
      score: i * 1.5,
    })),
    calls: 200,
    json: true,
  },
  { name: '1000 integers', value: Array.from({ length: 1000 }, (_, i) => i * 7), calls: 200, json: true },
  {
    name: 'nested',
    value: { a: { b: { c: [1, 2, 3], d: 'hello' } }, e: [{ f: 1 }, { f: 2 }], g: null },
    calls: 5000,
    json: true,
  },
  { name: 'Map of 50', value: new Map(Array.from({ length: 50 }, (_, i) => [`key${i}`, i])), calls: 500, json: false },
  { name: '64 KB Buffer', value: Buffer.alloc(65_536, 7), calls: 200, json: false },
  { name: '1 MB Buffer', value: Buffer.alloc(1_048_576, 7), calls: 20, json: false },
];
const WARMUP_TURNS = 5;

if (process.argv[1]?.endsWith('codec.ts') === true) {
  const text = (time: CodecTime | undefined) => (time === undefined ? '-' : `${time.encode} + ${time.decode}`);
  const rows = await run();
  console.table(
    rows.map((row) => ({
      payload: row.payload,
      ours: text(row.ours),
      v8: text(row.v8),
      json: text(row.json),
      msgpackr: text(row.msgpackr),
    })),
  );
}
