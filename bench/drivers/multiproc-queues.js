/**
 * Ours: one Queue with several producers or consumers, which block; and the queue and the pipe in event loops.
 */
import * as fans from '../harness/fans.js';
import { check, load } from '../harness/driver-kit.js';

/** @param {any} params */
export async function manyToOne(params) {
  return fans.manyToOne(await openHub(params.members, produceAll), params);
}

/** @param {any} params */
export async function oneToMany(params) {
  return fans.oneToMany(await openHub(params.members, consumeAll), params);
}

/** A member that sends what it is told to. @param {any} commands @param {any} _work @param {any} results */
export async function produceAll(commands, _work, results) {
  const { produce } = await import('../harness/channels.js');
  for (let command = commands.getSync(); command !== null; command = commands.getSync())
    produce(command, (message) => results.putSync(message));
}

/** A member that takes what it can until it finds an end; then it waits for the next round. @param {any} commands @param {any} work @param {any} results */
export async function consumeAll(commands, work, results) {
  const { isCommand, weightOf } = await import('../harness/channels.js');
  for (;;) {
    let total = 0;
    for (let message = work.getSync(); !isCommand(message); message = work.getSync()) total += weightOf(message);
    results.putSync(total);
    if (commands.getSync() === null) return;
  }
}

/** @param {number} members @param {any} target @returns {Promise<import('../harness/fans.js').Hub>} */
async function openHub(members, target) {
  const { Process, Queue } = await load('multiproc', 'Process', 'Queue');
  const [work, results] = [new Queue(), new Queue()];
  const commands = Array.from({ length: members }, () => new Queue());
  const processes = commands.map((queue) => new Process({ target, args: [queue, work, results] }));
  await Promise.all(processes.map((process) => process.start()));
  let isFirst = true;
  return {
    members,
    tell: (member, message) => commands[member].putSync(message),
    send: (message) => {
      if (!isFirst) for (const queue of commands) queue.putSync('next round');
      isFirst = true;
      work.putSync(message);
    },
    end: () => {
      work.putSync(['end']);
      isFirst = false;
    },
    onMessage: (handler) => void handleAll(results, handler),
    close: async () => {
      for (const queue of commands) queue.putSync(null);
      results.putSync(null);
      await Promise.all(processes.map((process) => process.join()));
    },
  };
}

async function handleAll(results, handler) {
  for await (const message of results) {
    if (message === null) return;
    handler(message);
  }
}

/** Nanoseconds of a put and a get, with so many items inside. @param {{ depth: number, items: number, warmup: number }} params */
export async function costInside({ depth, items, warmup }) {
  const { Queue } = await load('multiproc', 'Queue');
  const queue = new Queue();
  fillAndEmpty(queue, 1_000, warmup);
  const start = performance.now();
  fillAndEmpty(queue, depth, items);
  return ((performance.now() - start) * 1e6) / items;
}

function fillAndEmpty(queue, depth, items) {
  for (let done = 0; done < items; done += depth) {
    for (let i = 0; i < depth; i++) queue.putSync(i);
    for (let i = 0; i < depth; i++) check(queue.getSync(), i, 'item');
  }
}

/** Both sides in event loops. @param {{ roundTrips: number, warmup: number }} params */
export async function pipePingPongAsync({ roundTrips, warmup }) {
  const { Pipe, Process } = await load('multiproc', 'Pipe', 'Process');
  const [here, there] = Pipe();
  const process = new Process({ target: answerAllAsync, args: [there, warmup + roundTrips] });
  await process.start();
  there.close();
  let start = 0;
  for (let i = 0; i < warmup + roundTrips; i++) {
    if (i === warmup) start = performance.now();
    await here.send(i);
    check(await here.recv(), i, 'echo');
  }
  const us = ((performance.now() - start) * 1e3) / roundTrips;
  await process.join();
  return us;
}

/** Sends back what comes. @param {any} connection @param {number} count */
export async function answerAllAsync(connection, count) {
  for (let i = 0; i < count; i++) await connection.send(await connection.recv());
}
