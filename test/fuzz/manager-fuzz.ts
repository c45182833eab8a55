/**
 * Sends a server of a manager what a client of another family could send: calls of every method with values of every
 * kind, and the same with their bytes changed. Anything thrown, a rejection nobody handles, a changed prototype or a
 * server that does not answer an honest client any more is a finding.
 *
 * `node dist-test/fuzz/manager-fuzz.js [runs] [seed]`, or `MULTIPROC_FUZZ_RUNS`.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Arrival, Outgoing, Transport } from '#src/channel/transport.js';
import { ChannelClosedError } from '#src/errors.js';
import { Host } from '#src/manager/host.js';
import { SyncManager } from '#src/manager/index.js';
import { plannedTypes } from '#src/manager/registry.js';
import { RemoteHolds } from '#src/manager/remote-holds.js';
import { Session } from '#src/manager/session.js';
import { ManagerDoor } from '#src/proxies/manager-door.js';
import { SocketCourier } from '#src/proxies/socket-courier.js';
import { decodeValue, encodeValue } from '#src/wire/codec.js';
import { joinAsSender } from '#src/process/family.js';
import { type Choose, seededChoice } from '../support/seeded-random.js';

export interface FuzzReport {
  readonly runs: number;
  /** Calls that were understood. */
  readonly answered: number;
  readonly failures: string[];
}

export async function fuzzManager(runs: number, seed: number): Promise<FuzzReport> {
  joinAsSender();
  const failures: string[] = [];
  const note = (error: unknown) => void failures.push(`run ${run}: ${error instanceof Error ? error.stack : String(error)}`);
  process.on('unhandledRejection', note);
  const random = seededChoice(seed);
  const door = new ManagerDoor();
  const host = new Host({ name: 'fuzz', door, types: plannedTypes(SyncManager), listen: undefined }, ownMethod);
  let run = 0;
  let answered = 0;
  try {
    while (run < runs) {
      const transport = new FedTransport();
      const session = new Session(
        new SocketCourier(transport, new RemoteHolds(host.objects)),
        host,
        new RemoteHolds(host.objects),
      );
      const served = session.serve();
      for (let left = 1 + random(40); left > 0 && !transport.closed; left--, run++) {
        transport.feed(inputOf(random));
        if (run % 16 === 0) await turn();
      }
      for (let ask = 0; ask < 4; ask++) await turn();
      answered += transport.answers;
      transport.close();
      await served;
      if (Reflect.ownKeys(Object.prototype).length !== PROTOTYPE_KEYS) note('Object.prototype was changed');
    }
    await honest(host).catch(note);
  } finally {
    host.objects.forgetAll();
    await turn();
    process.off('unhandledRejection', note);
  }
  return { runs: run, answered, failures };

  function ownMethod(session: Session, method: string, args: readonly unknown[]): unknown {
    if (method === 'create') return host.create(args[0] as string, args[1] as unknown[], session.ofFamily);
    if (method === 'hold') return session.holds?.take(args[0]);
    if (method === 'let go') return session.holds?.letGo(args[0], args[1]);
    if (method === 'ack') return session.confirm(args[0]);
    if (method === 'cancel') return session.cancel(args[0]);
    throw new TypeError('Cannot call: there is no such method');
  }
}

/** An honest client still gets its answers. */
async function honest(host: Host): Promise<void> {
  const transport = new FedTransport();
  const holds = new RemoteHolds(host.objects);
  const session = new Session(new SocketCourier(transport, holds), host, holds);
  const served = session.serve();
  transport.feed(bytesOf([1, 0, 'create', ['dict', [[['a', 1]]]]]));
  await turn();
  await turn();
  if (transport.answers !== 1) throw new Error('an honest client has no answer');
  transport.close();
  await served;
}

/** What arrives is what it is fed; what is sent is read, to see that it can be. */
class FedTransport implements Transport {
  readonly readable = true;
  readonly writable = true;
  readonly ofFamily = false;
  closed = false;
  answers = 0;
  readonly #fed: Uint8Array[] = [];
  #waiting: (() => void) | undefined;

  feed(bytes: Uint8Array): void {
    this.#fed.push(bytes);
    this.#waiting?.();
  }

  encode(): Outgoing {
    throw new Error('no value is sent as one');
  }

  encodeBytes(bytes: Uint8Array): Outgoing {
    this.answers++;
    return { size: bytes.length, drop() {} };
  }

  async send(): Promise<void> {}

  sendSync(): void {}

  async receive(): Promise<Arrival> {
    while (this.#fed.length === 0) {
      if (this.closed) throw new ChannelClosedError('the end');
      await new Promise<void>((resolve) => (this.#waiting = resolve));
    }
    return this.receiveSync();
  }

  receiveSync(): Arrival {
    return { bytes: this.#fed.shift() as Uint8Array };
  }

  isReady(): boolean {
    return this.#fed.length > 0;
  }

  async whenReady(): Promise<void> {}

  whenReadySync(): void {}

  close(): void {
    this.closed = true;
    this.#waiting?.();
  }
}

function inputOf(random: Choose): Uint8Array {
  const valid = bytesOf(messageOf(random));
  return random(3) === 0 ? mutated(valid, random) : valid;
}

function messageOf(random: Choose): unknown {
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  if (random(20) === 0) return valueOf(random, 3);
  if (random(12) === 0) return [-1, ...Array.from({ length: random(4) }, () => messageOf(random)).flat(1)];
  const args = Array.from({ length: random(4) }, () => valueOf(random, 3));
  const call = random(8) === 0 ? 0 : random(1000);
  if (random(4) === 0) return [call, 0, pick(['create', 'hold', 'let go', 'ack', 'cancel', '__proto__']), [pick(TYPES), args]];
  return [call, random(40), pick(METHODS), args];
}

function valueOf(random: Choose, depth: number): unknown {
  const kind = random(depth > 0 ? 12 : 9);
  if (kind === 0) return random(5) - 1;
  if (kind === 1) return NUMBERS[random(NUMBERS.length)];
  if (kind === 2) return ['', 'a', '__proto__', 'constructor', 'x'.repeat(random(300)), 'd', 'i', 'json'][random(8)];
  if (kind === 3) return undefined;
  if (kind === 4) return null;
  if (kind === 5) return random(2) === 0;
  if (kind === 6) return new Uint8Array(random(64));
  if (kind === 7) return BigInt(random(1000)) ** 9n;
  if (kind === 8) return new Date(random(1e9));
  const inner = () => valueOf(random, depth - 1);
  if (kind === 9) return Array.from({ length: random(5) }, inner);
  if (kind === 10) return new Map([[inner(), inner()]]);
  return Object.fromEntries([
    [String(inner()), inner()],
    ['timeout', inner()],
  ]);
}

function mutated(bytes: Uint8Array, random: Choose): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let left = 1 + random(4); left > 0; left--) copy[random(copy.length)] = random(256);
  return random(6) === 0 ? copy.subarray(0, random(copy.length + 1)) : copy;
}

function bytesOf(value: unknown): Uint8Array {
  const { buffer, start, end } = encodeValue(value, 'value');
  const bytes = Uint8Array.from(buffer.subarray(start, end));
  decodeValue(bytes, 0, bytes.length);
  return bytes;
}

const PROTOTYPE_KEYS = Reflect.ownKeys(Object.prototype).length;
/** Lengths of arrays among them: who has the key may fill the memory, which is no finding. */
const NUMBERS = [-1, 0, 0.5, 255, 1e4, Number.NaN, Number.NEGATIVE_INFINITY, -(2 ** 31)];
const TYPES =
  'dict list set Namespace Value Array Lock RLock Semaphore BoundedSemaphore Condition Event Barrier Queue JoinableQueue Pool AsyncResult iterator __proto__ constructor'.split(
    ' ',
  );
const METHODS = [
  ...'get set has delete clear size keys values entries update setDefault pop popItem copy forEach at push append extend shift unshift'.split(
    ' ',
  ),
  ...'insert remove splice slice concat indexOf lastIndexOf includes count sort reverse fill join map filter find reduce flat toArray'.split(
    ' ',
  ),
  ...'add discard union intersection isSubsetOf symmetricDifferenceUpdate acquire release tryAcquire recover enter locked getValue'.split(
    ' ',
  ),
  ...'wait notify notifyAll isSet reset abort parties put tryPut putNowait tryGet getNowait qsize shutdown taskDone'.split(' '),
  ...'#copy #iterate #next #return # constructor __proto__ toString valueOf'.split(' '),
];

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const runs = Number(process.argv[2] ?? process.env['MULTIPROC_FUZZ_RUNS'] ?? 1_000_000);
  const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
  console.log(`fuzzing the server of a manager: ${runs} inputs, seed ${seed}`);
  const report = await fuzzManager(runs, seed);
  console.log(`${report.runs} inputs, ${report.answered} answers, ${report.failures.length} findings`);
  for (const failure of report.failures.slice(0, 20)) console.log(failure);
  process.exitCode = report.failures.length === 0 ? 0 : 1;
}
