/**
 * What a child of a fork server must be able to do: one entry for each part of node that a fork may break, with the
 * answer that it gives.
 *
 * Each function runs alone in a child of its own. Used by the tests and by the soak.
 */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import * as childProcess from 'node:child_process';
import * as crypto from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { watch, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import * as inspector from 'node:inspector';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import * as v8 from 'node:v8';
import * as vm from 'node:vm';
import { Worker } from 'node:worker_threads';
import { gzip, gunzip } from 'node:zlib';

/** The types of node do not have it. */
interface Wasm {
  instantiate(bytes: Uint8Array): Promise<{ instance: { exports: { add(a: number, b: number): number } } }>;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: { add(a: number, b: number): number } };
}
const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: Wasm };
/** (a, b) => a + b, exported as `add`. */
const ADD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100, 0, 0, 10, 9, 1, 7, 0, 32,
  0, 32, 1, 106, 11,
]);

async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'features-'));
  try {
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function workers(count: number): Promise<number> {
  const script = "require('node:worker_threads').parentPort.postMessage(6 * 7)";
  const answers = Array.from({ length: count }, async () => {
    const worker = new Worker(script, { eval: true });
    const ended = once(worker, 'exit'); // perhaps in the same turn as the message
    const [answer] = (await once(worker, 'message')) as [number];
    await ended;
    return answer;
  });
  return (await Promise.all(answers)).reduce((sum, answer) => sum + answer, 0);
}

function inspected<T>(method: string, params: object = {}): Promise<T> {
  const session = new inspector.Session();
  session.connect();
  const post = session.post.bind(session) as (m: string, p: object, done: (error: Error | null, result: object) => void) => void;
  return new Promise<T>((resolve, reject) =>
    post(method, params, (error, result) => (error === null ? resolve(result as T) : reject(error))),
  ).finally(() => session.disconnect());
}

function collect(): void {
  v8.setFlagsFromString('--expose-gc');
  (vm.runInNewContext('gc') as () => void)();
}

/** What each gives back must be its second part. */
export const FEATURES: Readonly<Record<string, readonly [run: () => unknown, expected: unknown]>> = {
  nothing: [() => undefined, undefined],
  timers: [async () => sleep(20, 'late'), 'late'],
  setInterval: [
    async () => {
      let count = 0;
      await new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          if (++count < 3) return;
          clearInterval(timer);
          resolve();
        }, 1);
      });
      return count;
    },
    3,
  ],
  setImmediate: [async () => immediate('soon'), 'soon'],
  'nextTick and microtasks': [
    async () => {
      const order: string[] = [];
      queueMicrotask(() => order.push('microtask'));
      process.nextTick(() => order.push('tick'));
      await immediate();
      return order.toSorted().join();
    },
    'microtask,tick',
  ],
  'import() of a module with top-level await': [
    async () =>
      inFolder(async (folder) => {
        await writeFile(join(folder, 'module.mjs'), 'export const answer = await Promise.resolve(42);');
        return ((await import(join(folder, 'module.mjs'))) as { answer: number }).answer;
      }),
    42,
  ],
  'fs.promises': [
    async () =>
      inFolder(async (folder) => {
        await writeFile(join(folder, 'file'), 'text');
        return readFile(join(folder, 'file'), 'utf8');
      }),
    'text',
  ],
  net: [
    async () => {
      const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
      let text = '';
      for await (const chunk of socket) text += String(chunk);
      server.close();
      return text;
    },
    'hello',
  ],
  'http and fetch': [
    async () => {
      const server = createHttpServer((_, response) => response.end('page')).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const answer = await fetch(`http://127.0.0.1:${(server.address() as { port: number }).port}/`);
      const text = await answer.text();
      server.close();
      return text;
    },
    'page',
  ],
  dns: [async () => (await lookup('127.0.0.1')).address, '127.0.0.1'],
  'six hashes in the thread pool': [
    async () => {
      const hash = promisify(crypto.pbkdf2);
      const keys = await Promise.all(Array.from({ length: 6 }, (_, i) => hash(`secret ${i}`, 'salt', 1000, 8, 'sha256')));
      return new Set(keys.map((key) => key.toString('hex'))).size;
    },
    6,
  ],
  'crypto.randomBytes with a callback': [async () => (await promisify(crypto.randomBytes)(16)).length, 16],
  webcrypto: [async () => (await globalThis.crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc'))).byteLength, 32],
  gzip: [
    async () => {
      const packed = await promisify(gzip)('x'.repeat(100_000));
      return (await promisify(gunzip)(packed)).length;
    },
    100_000,
  ],
  'child_process.spawn': [
    async () => {
      const child = childProcess.spawn('/bin/sh', ['-c', 'exit 7']);
      return (await once(child, 'exit'))[0] as number;
    },
    7,
  ],
  'child_process.execFileSync': [() => childProcess.execFileSync('/bin/echo', ['said']).toString(), 'said\n'],
  'child_process.fork with messages': [
    async () =>
      inFolder(async (folder) => {
        writeFileSync(join(folder, 'child.cjs'), 'process.send(process.ppid); process.disconnect();');
        const child = childProcess.fork(join(folder, 'child.cjs'), { execArgv: [] });
        const ended = once(child, 'exit');
        const [parent] = (await once(child, 'message')) as [number];
        await ended;
        return parent === process.pid;
      }),
    true,
  ],
  'one worker thread': [() => workers(1), 42],
  'four worker threads': [() => workers(4), 168],
  'worker threads that end after much garbage, in the background too': [
    async () => {
      let kept: unknown[] = [];
      for (let i = 0; i < 400; i++) kept = [kept.length, new Array(10_000).fill(0).map((_, index) => ({ index }))];
      await wasm.instantiate(ADD);
      collect();
      return (await workers(2)) + (kept[0] as number);
    },
    86,
  ],
  'WebAssembly, compiled in the background': [async () => (await wasm.instantiate(ADD)).instance.exports.add(40, 2), 42],
  'WebAssembly, compiled at once': [() => new wasm.Instance(new wasm.Module(ADD)).exports.add(40, 2), 42],
  'a hot loop': [
    () => {
      let sum = 0;
      for (let i = 0; i < 1e8; i++) sum = (sum + i * 3) | 0;
      return sum;
    },
    -1_632_588_160,
  ],
  'many hot functions': [
    () => {
      let sum = 0;
      for (let i = 0; i < 200; i++) {
        const text = `(n) => { let s = ${i}; for (let k = 0; k < n; k++) s = (s * 31 + k) | 0; return s; }`;
        const one = vm.runInThisContext(text) as (n: number) => number;
        sum ^= one(20_000);
      }
      return typeof sum;
    },
    'number',
  ],
  'much garbage': [
    () => {
      const map = new Map<number, { text: string; more: number[] }>();
      for (let i = 0; i < 400_000; i++) map.set(i % 5000, { text: `entry ${i}`, more: [i, i + 1] });
      return map.size;
    },
    5000,
  ],
  'a large heap': [
    () => {
      const lists: number[][] = [];
      for (let i = 0; i < 60; i++) lists.push(Array.from({ length: 100_000 }, (_, k) => k + i));
      const buffers = Array.from({ length: 64 }, () => Buffer.alloc(4 * 2 ** 20, 1));
      return lists.length + buffers.length;
    },
    124,
  ],
  'garbage collection on demand': [
    () => {
      collect();
      collect();
      return 'collected';
    },
    'collected',
  ],
  'garbage collection in the background': [
    async () => {
      let kept: object[] = [];
      for (let round = 0; round < 10; round++) {
        kept = Array.from({ length: 50_000 }, (_, i) => ({ i, round }));
        await immediate();
      }
      return kept.length;
    },
    50_000,
  ],
  FinalizationRegistry: [
    async () => {
      let finalized = 0;
      const registry = new FinalizationRegistry(() => finalized++);
      (() => registry.register({}, undefined))();
      for (let i = 0; i < 200 && finalized === 0; i++) {
        collect();
        await sleep(5);
      }
      return finalized;
    },
    1,
  ],
  'Atomics.wait': [() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10), 'timed-out'],
  'Atomics.waitAsync': [
    async () => {
      const word = new Int32Array(new SharedArrayBuffer(4));
      const { waitAsync } = Atomics as unknown as {
        waitAsync(word: Int32Array, index: number, value: number): { value: Promise<string> };
      };
      const waiting = waitAsync(word, 0, 0).value;
      Atomics.notify(word, 0);
      return waiting;
    },
    'ok',
  ],
  'a timeout of vm': [
    () => {
      assert.throws(() => vm.runInNewContext('for (;;);', {}, { timeout: 30 }), { code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' });
      return 'stopped';
    },
    'stopped',
  ],
  'an inspector session': [
    async () => {
      const { result } = await inspected<{ result: { value: number } }>('Runtime.evaluate', { expression: '6 * 7' });
      return result.value;
    },
    42,
  ],
  'the CPU profiler': [
    async () => {
      const session = new inspector.Session();
      session.connect();
      const post = (method: string) =>
        new Promise<{ profile?: { nodes: unknown[] } }>((resolve, reject) =>
          (session.post as (m: string, done: (error: Error | null, result: object) => void) => void)(method, (error, result) =>
            error === null ? resolve(result) : reject(error),
          ),
        );
      await post('Profiler.enable');
      await post('Profiler.start');
      for (let i = 0, x = 0; i < 1e6; i++) x += Math.sqrt(i);
      const { profile } = await post('Profiler.stop');
      session.disconnect();
      return (profile?.nodes.length ?? 0) > 0;
    },
    true,
  ],
  'the inspector over HTTP': [
    async () => {
      inspector.open(0, '127.0.0.1');
      const url = inspector.url() ?? '';
      const answer = await fetch(`http://${new URL(url).host}/json/list`);
      const [target] = (await answer.json()) as { webSocketDebuggerUrl: string }[];
      return target?.webSocketDebuggerUrl === url;
    },
    true,
  ],
  'a heap snapshot': [
    async () => {
      let bytes = 0;
      for await (const chunk of v8.getHeapSnapshot()) bytes += (chunk as Buffer).length;
      return bytes > 100_000;
    },
    true,
  ],
  'fs.watch': [
    async () =>
      inFolder(async (folder) => {
        const watcher = watch(folder);
        const seen = once(watcher, 'change');
        await writeFile(join(folder, 'new'), '');
        const [, name] = (await seen) as [string, string];
        watcher.close();
        return name;
      }),
    'new',
  ],
  'a handler of a signal': [
    async () => {
      const held = setTimeout(() => {}, 60_000); // a handler keeps nothing alive
      const received = once(process, 'SIGHUP');
      process.kill(process.pid, 'SIGHUP');
      const [name] = (await received) as [string];
      clearTimeout(held);
      return name;
    },
    'SIGHUP',
  ],
  AsyncLocalStorage: [
    async () => {
      const storage = new AsyncLocalStorage<string>();
      return storage.run('here', async () => {
        await sleep(1);
        return storage.getStore();
      });
    },
    'here',
  ],
  MessageChannel: [
    async () => {
      const { port1, port2 } = new MessageChannel();
      const received = once(port2 as unknown as EventTarget, 'message') as Promise<[unknown]>;
      (port2 as unknown as { start(): void }).start();
      port1.postMessage({ deep: [1, 2] });
      const [data] = await received;
      port1.close();
      return data;
    },
    { deep: [1, 2] },
  ],
  BroadcastChannel: [
    async () => {
      const [one, other] = [new BroadcastChannel('features'), new BroadcastChannel('features')];
      const received = new Promise((resolve) => (other.onmessage = (event) => resolve((event as MessageEvent).data)));
      one.postMessage('to all');
      const value = await received;
      one.close();
      other.close();
      return value;
    },
    'to all',
  ],
  'stack overflow': [
    () => {
      const deeper = (): number => deeper() + 1;
      assert.throws(deeper, RangeError);
      return 'survived';
    },
    'survived',
  ],
  'who it is': [
    () => {
      const report = process.report.getReport() as { header: { processId: number } };
      return report.header.processId === process.pid;
    },
    true,
  ],
  structuredClone: [
    () =>
      structuredClone(new Map([[1, new Date(0)]]))
        .get(1)
        ?.getTime(),
    0,
  ],
  'memory and CPU usage': [() => process.memoryUsage().rss > 0 && process.cpuUsage().user >= 0, true],
};

/** Ways to end, and what a parent must see of them: exit code, or negative signal number. */
export const ENDS: Readonly<Record<string, readonly [run: () => unknown, exitCode: number]>> = {
  'a return': [() => 'value', 0],
  'process.exit(3)': [() => process.exit(3), 3],
  'process.exitCode = 4': [() => void (process.exitCode = 4), 4],
  'an uncaught error': [
    () =>
      new Promise(() => {
        setTimeout(() => {
          throw new Error('uncaught');
        }, 1);
      }),
    1,
  ],
  'an unhandled rejection': [() => new Promise(() => void Promise.reject(new Error('unhandled'))), 1],
  'nothing left to wait for': [() => new Promise(() => setTimeout(() => {}, 5)), 13],
  'process.exit(5) in a listener of exit': [
    () => {
      process.on('exit', () => process.exit(5));
    },
    5,
  ],
  SIGTERM: [() => new Promise(() => process.kill(process.pid, 'SIGTERM')), -15],
  SIGKILL: [() => new Promise(() => process.kill(process.pid, 'SIGKILL')), -9],
  abort: [() => process.abort(), -6],
};

/** What children run: by name, so that each takes this whole module along. */
export function runFeature(name: string): unknown {
  return FEATURES[name]?.[0]();
}

export function runEnd(name: string): unknown {
  return ENDS[name]?.[0]();
}
