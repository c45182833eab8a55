/**
 * Ours, through the public API only. The task functions are ordinary exported functions of this file, as users write them.
 */
import { oneToOne } from '../harness/channels.js';
import { check, load } from '../harness/driver-kit.js';
import { doNothing, timeOfFirstUserCode } from './first-user-code.js';
import { tasks } from './tasks.js';

const { increment } = tasks;

/** @param {{ workers: number, task?: string, survives?: boolean }} options `survives`: a death costs its task only */
export async function openProcessPoolExecutor({ workers, task = 'increment', survives = false }) {
  const { ProcessPoolExecutor } = await load('multiproc', 'ProcessPoolExecutor');
  return executorFace(new ProcessPoolExecutor({ maxWorkers: workers, onWorkerDeath: survives ? 'replace' : 'break' }), task);
}

/** @param {{ workers: number, task?: string }} options */
export async function openThreadPoolExecutor({ workers, task = 'increment' }) {
  const { ThreadPoolExecutor } = await load('multiproc', 'ThreadPoolExecutor');
  return executorFace(new ThreadPoolExecutor({ maxWorkers: workers }), task);
}

/** @param {{ workers: number, task?: string }} options */
export async function openPool({ workers, task = 'increment' }) {
  const { Pool } = await load('multiproc', 'Pool');
  const pool = new Pool(workers);
  const fn = tasks[task];
  return {
    submit: (x) => pool.apply(fn, [x]),
    map: (inputs, chunkSize) => pool.map(increment, inputs, chunkSize ? { chunkSize } : {}),
    close: () => pool.terminate(),
  };
}

function executorFace(executor, task) {
  const fn = tasks[task];
  return {
    submit: (x) => executor.submit(fn, x),
    map: async (inputs, chunkSize) => {
      const results = [];
      for await (const result of executor.map(increment, inputs, chunkSize ? { chunkSize } : {})) results.push(result);
      return results;
    },
    cancelAll: () => executor.shutdown({ cancelFutures: true }),
    close: () => executor.shutdown(),
  };
}

/** @returns {Promise<import('../harness/starts.js').Starter>} */
export async function openProcess() {
  const { Process } = await load('multiproc', 'Process');
  return starterOf(Process);
}

/** The fork server is up before the first start, and has loaded the module of the targets, as CPython's has. @param {{ preloadMb?: number }} params @returns {Promise<import('../harness/starts.js').Starter>} */
export async function openForkServerProcess({ preloadMb }) {
  const { ForkServerProcess, setForkserverPreload } = await load('multiproc', 'ForkServerProcess', 'setForkserverPreload');
  if (preloadMb !== undefined) process.env.BENCH_PRELOAD_MB = String(preloadMb);
  const modules = preloadMb === undefined ? [] : [new URL('preload.js', import.meta.url).href];
  setForkserverPreload([new URL('first-user-code.js', import.meta.url).href, ...modules], { onError: 'fail' });
  return starterOf(ForkServerProcess);
}

/** @returns {Promise<import('../harness/starts.js').Starter>} */
export async function openThread() {
  const { Thread } = await load('multiproc', 'Thread');
  return starterOf(Thread);
}

function starterOf(Worker) {
  return {
    firstUserCode: async () => {
      const worker = new Worker({ target: timeOfFirstUserCode });
      await worker.start();
      const time = await worker.result();
      await worker.join();
      return time;
    },
    exit: async () => {
      const worker = new Worker({ target: doNothing });
      await worker.start();
      await worker.join();
      check(worker.exitCode, 0, 'exit code');
    },
  };
}

/** Lock of the public API, used from blocking code. @param {{ iterations: number, warmup: number }} params */
export async function lockUncontended({ iterations, warmup }) {
  const { Lock } = await load('multiproc', 'Lock');
  const lock = new Lock();
  acquireAndRelease(lock, warmup);
  const start = performance.now();
  acquireAndRelease(lock, iterations);
  return ((performance.now() - start) * 1e6) / iterations;
}

/** One producer, one consumer that blocks. @param {any} params */
export async function queueOneToOne(params) {
  return oneToOne(await openWire('Queue'), params);
}

/** One producer and one consumer in event loops: each put is awaited. @param {any} params */
export async function queueOneToOneAsync(params) {
  const { Process, Queue } = await load('multiproc', 'Process', 'Queue');
  const [out, into] = [new Queue(), new Queue()];
  const process = new Process({ target: serveAsync, args: [out, into] });
  await process.start();
  return streamAwaiting({ out, into, process }, params);
}

/** Receives until `null` comes, in the event loop. @param {any} source @param {any} sink */
export async function serveAsync(source, sink) {
  const { serveChannel } = await import('../harness/channels.js');
  let handle = (/** @type {any} */ _message) => {};
  serveChannel({ send: (message) => sink.put(message), onMessage: (handler) => (handle = handler) });
  for await (const message of source) {
    if (message === null) return;
    handle(message);
  }
}

async function streamAwaiting({ out, into, process }, { payload, messages, warmup }) {
  const { payloadMaker, rateOf, weightOf } = await import('../harness/channels.js');
  const make = payloadMaker(payload);
  const stream = async (count) => {
    let total = 0;
    await out.put(['count', count]);
    for (let i = 0; i < count; i++) {
      const message = make(i);
      total += weightOf(message);
      await out.put(message);
    }
    check(await into.get(), total, 'checksum');
  };
  await stream(warmup);
  const start = performance.now();
  await stream(messages);
  const seconds = (performance.now() - start) / 1e3;
  await out.put(null);
  await process.join();
  return rateOf(payload, messages, seconds);
}

/** One sender, one receiver that blocks. @param {any} params */
export async function pipeOneToOne(params) {
  return oneToOne(await openWire('Pipe'), params);
}

/** Both sides block. @param {{ roundTrips: number, warmup: number }} params */
export async function pipePingPong({ roundTrips, warmup }) {
  const { Pipe, Process } = await load('multiproc', 'Pipe', 'Process');
  const [here, there] = Pipe();
  const process = new Process({ target: answerAll, args: [there, warmup + roundTrips] });
  await process.start();
  there.close();
  let start = 0;
  for (let i = 0; i < warmup + roundTrips; i++) {
    if (i === warmup) start = performance.now();
    here.sendSync(i);
    check(here.recvSync(), i, 'echo');
  }
  const us = ((performance.now() - start) * 1e3) / roundTrips;
  await process.join();
  return us;
}

/** Sends back what comes. @param {any} connection @param {number} count */
export function answerAll(connection, count) {
  for (let i = 0; i < count; i++) connection.sendSync(connection.recvSync());
}

/** Receives until `null` comes. @param {any} source @param {any} sink */
export async function serve(source, sink) {
  const { serveChannel } = await import('../harness/channels.js');
  let handle = (/** @type {any} */ _message) => {};
  serveChannel({ send: (message) => put(sink, message), onMessage: (handler) => (handle = handler) });
  for (let message = take(source); message !== null; message = take(source)) handle(message);
  put(sink, null);
}

/** The sender's end of two queues, or of two pipes. @param {'Queue' | 'Pipe'} kind */
async function openWire(kind) {
  const library = await load('multiproc', kind, 'Process');
  const make = () => (kind === 'Queue' ? [new library.Queue(), undefined] : library.Pipe({ duplex: false }).reverse());
  const [[out, far], [farOut, into]] = [make(), make()];
  const process = new library.Process({ target: serve, args: [far ?? out, farOut] });
  await process.start();
  return {
    send: (message) => put(out, message),
    written: async (message) => put(out, message),
    onMessage: (handler) => void handleAll(into ?? farOut, handler),
    close: async () => {
      put(out, null);
      await process.join();
    },
  };
}

async function handleAll(source, handler) {
  for await (const message of source) {
    if (message === null) return;
    handler(message);
  }
}

function put(sink, message) {
  if (sink.putSync) sink.putSync(message);
  else sink.sendSync(message);
}

function take(source) {
  return source.getSync ? source.getSync() : source.recvSync();
}

function acquireAndRelease(lock, times) {
  for (let i = 0; i < times; i++) {
    lock.acquireSync();
    lock.release();
  }
}
