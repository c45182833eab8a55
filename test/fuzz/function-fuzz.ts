/**
 * Mutates the definitions and messages of functions that another process made, and reads them: anything but a value or a
 * `DeserializationError` is a finding, so is what takes longer than a second. What comes out is never called.
 *
 * `node dist-test/fuzz/function-fuzz.js [runs] [seed]`; with `corpus` it writes the messages, in a process of its own.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { DeserializationError } from '#src/errors.js';
import { decodeCall, encodeCall } from '#src/wire/codec.js';
import type { Definition } from '#src/wire/codec-types.js';
import { loadDefinition, setDefinitionOrigin } from '#src/wire/definitions.js';
import { registerFunctionExtensions } from '#src/wire/function-extension.js';
import { remote } from '#src/wire/remote.js';
import { task } from '#src/wire/task.js';
import { type Choose, seededChoice } from '../support/seeded-random.js';

export interface FuzzReport {
  readonly runs: number;
  /** Messages that were read as they are. */
  readonly read: number;
  readonly failures: { readonly case: string; readonly error: string }[];
}

/** A call as bytes: the definitions in the order in which they must be loaded, and the message. */
interface Sample {
  readonly definitions: readonly string[];
  readonly message: string;
}

/** Reads `runs` mutated calls. */
export async function fuzzFunctions(runs: number, seed: number): Promise<FuzzReport> {
  registerFunctionExtensions();
  const random = seededChoice(seed);
  const corpus = loadCorpus();
  const texts = corpus.flatMap(({ definitions }) => definitions);
  const failures: FuzzReport['failures'] = [];
  let read = 0;
  const onRejection = (error: unknown): void => void failures.push({ case: 'unhandled rejection', error: String(error) });
  process.on('unhandledRejection', onRejection);
  for (let run = 1; run <= runs; run++) {
    const sample = renumbered(corpus[random(corpus.length)] as Sample, run);
    const mutatesDefinition = random(2) === 0;
    const definitions = sample.definitions.map((body) =>
      mutatesDefinition && random(2) === 0 ? mutatedText(body, texts, random) : body,
    );
    const bytes = Buffer.from(sample.message, 'latin1');
    const message = mutatesDefinition ? bytes : mutatedBytes(bytes, random);
    const started = performance.now();
    const error = await failureOf(definitions, message, () => (read += 1));
    const took = performance.now() - started;
    const complaint = error ?? (took > LIMIT_MS ? `took ${took} ms` : undefined);
    if (complaint !== undefined)
      failures.push({ case: JSON.stringify({ definitions, message: message.toString('hex') }), error: complaint });
  }
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', onRejection);
  return { runs, read, failures };
}

async function failureOf(definitions: readonly string[], message: Uint8Array, onRead: () => void): Promise<string | undefined> {
  for (const body of definitions) {
    try {
      await loadDefinition(Buffer.from(body));
    } catch (error) {
      return `loadDefinition: ${error instanceof Error ? error.stack : String(error)}`;
    }
  }
  try {
    decodeCall(message, 0, message.length);
    onRead();
    return undefined;
  } catch (error) {
    return error instanceof DeserializationError ? undefined : String(error);
  }
}

/** The same call under ids that were never used before; they take as many bytes. */
function renumbered({ definitions, message }: Sample, run: number): Sample {
  let bytes = message;
  const bodies = definitions.map((body) => {
    const id = (JSON.parse(body) as [number[], { id: number }])[1].id;
    bytes = bytes.replaceAll(varint(id), varint(id + run * IDS_PER_RUN));
    return body.replaceAll(/\b1509\d{5}\b/g, (found) => String(Number(found) + run * IDS_PER_RUN));
  });
  return { definitions: bodies, message: bytes };
}

function varint(value: number): string {
  let text = '';
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) text += String.fromCharCode((rest & 0x7f) | 0x80);
  return text + String.fromCharCode(rest);
}

function mutatedText(body: string, others: readonly string[], random: Choose): string {
  if (random(3) > 0) return mutatedBytes(Buffer.from(body), random).toString();
  const values = [
    null,
    -1,
    1e99,
    '',
    '__proto__',
    [],
    {},
    true,
    others[random(others.length)],
    'esm',
    'scope',
    'task',
    ['a', 'constructor'],
  ];
  const parsed = JSON.parse(body) as [unknown, Record<string, unknown>];
  const keys = Object.keys(parsed[1]);
  if (random(8) === 0) parsed[0] = values[random(values.length)];
  else parsed[1][keys[random(keys.length)] ?? ''] = values[random(values.length)];
  return JSON.stringify(parsed);
}

function mutatedBytes(original: Buffer, random: Choose): Buffer {
  let bytes = Buffer.from(original);
  for (let rest = 1 + random(4); rest > 0; rest--) {
    const at = random(bytes.length + 1);
    const how = random(4);
    if (how === 0 && at < bytes.length) bytes[at] = random(256);
    else if (how === 1) bytes = bytes.subarray(0, at);
    else if (how === 2) bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(random(9), 0xff), bytes.subarray(at)]);
    else bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(random(bytes.length + 1))]);
  }
  return Buffer.from(bytes);
}

function loadCorpus(): Sample[] {
  const text = execFileSync(process.execPath, [fileURLToPath(import.meta.url), 'corpus'], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  return JSON.parse(text) as Sample[];
}

function makeCorpus(): Sample[] {
  registerFunctionExtensions();
  setDefinitionOrigin(ORIGIN);
  const factor = 2;
  const settings = { deep: [new Map([['k', 1n]])] };
  const twice = (x: number): number => x * factor;
  class Base {
    value = 1;
    static made = 0;
  }
  class Derived extends Base {
    #secret = factor;
    read(): number {
      return this.#secret;
    }
  }
  function Old(this: { n: number }): void {
    this.n = 1;
  }
  Old.prototype.get = () => settings;
  const even = (n: number): boolean => (n === 0 ? true : odd(n - 1));
  const odd = (n: number): boolean => (n === 0 ? false : even(n - 1));
  const calls: [unknown, ...unknown[]][] = [
    [(x: number) => x + 1, 1],
    [(x: number) => twice(x) + settings.deep.length, 1],
    [Derived, new Base()],
    [even, [odd, even]],
    [Old, { Old }],
    [Math.max, 1, Math.min],
    [encodeCall, decodeCall],
    [task({ factor, settings }, (env) => () => env)],
    [(remote(() => import('./codec-fuzz.js')) as unknown as { fuzz: unknown }).fuzz],
    [() => new Base(), new Base(), new (class extends Error {})('bad')],
    [async () => import('./codec-fuzz.js')],
    [() => [import.meta.url, globalThis.process]],
    [
      {
        *method() {
          yield factor;
        },
      }.method,
    ],
  ];
  return calls.map(([fn, ...args]) => {
    const { buffer, start, end, definitions } = encodeCall(fn, args);
    return { definitions: inOrder(definitions), message: Buffer.from(buffer.subarray(start, end)).toString('latin1') };
  });
}

function inOrder(definitions: readonly Definition[], done = new Set<number>()): string[] {
  return definitions.flatMap((definition) => {
    if (done.has(definition.id)) return [];
    done.add(definition.id);
    return [...inOrder(definition.requires, done), Buffer.from(definition.body).toString()];
  });
}

const LIMIT_MS = 1000;
/** Its ids are 1509…, of four bytes. */
const ORIGIN = 9;
const IDS_PER_RUN = 128;

if (process.argv[1]?.endsWith('function-fuzz.js') === true) {
  if (process.argv[2] === 'corpus') {
    console.log(JSON.stringify(makeCorpus()));
  } else {
    const runs = Number(process.argv[2] ?? 20_000);
    const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
    const { read, failures } = await fuzzFunctions(runs, seed);
    console.log(`${runs} runs with seed ${seed}, ${read} read, ${failures.length} failures`);
    for (const failure of failures.slice(0, 10)) console.log(failure.error, failure.case.slice(0, 1500));
    process.exitCode = failures.length === 0 ? 0 : 1;
  }
}
