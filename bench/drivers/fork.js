/**
 * child_process.fork by hand: the least one can write over Node's own IPC, nothing watched, nothing queued.
 * The children are fork-child.js.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { roundRobin } from '../harness/by-hand.js';
import { check, NotMeasured } from '../harness/driver-kit.js';

/** @param {{ workers: number, serialization: 'json' | 'advanced', task?: string }} options */
export async function openExecutor({ workers, serialization, task = 'increment' }) {
  const children = Array.from({ length: workers }, () => start(`task ${task}`, serialization));
  await Promise.all(children.map((child) => once(child, 'message')));
  const submit = roundRobin(children, (child, message) => child.send(message));
  return { submit, close: () => Promise.all(children.map(stop)) };
}

/** @returns {import('../harness/starts.js').Starter} */
export function openStarter() {
  return {
    firstUserCode: async () => {
      const child = start('first-user-code', 'json');
      const [time] = await once(child, 'message');
      await stop(child);
      return time;
    },
    exit: async () => {
      const [code] = await once(start('nothing', 'json'), 'exit');
      check(code, 0, 'exit code');
    },
  };
}

/** @param {{ serialization: 'json' | 'advanced', payload?: string }} options @returns {Promise<import('../harness/channels.js').Wire>} */
export async function openWire({ serialization, payload }) {
  if (serialization === 'json' && payload === '64 MiB') throw new NotMeasured('a quarter of a gigabyte of text for each');
  const child = start('channel', serialization);
  await once(child, 'message');
  return {
    send: (message) => child.send(message),
    written: (message) => new Promise((resolve) => child.send(message, resolve)),
    onMessage: (handler) => child.on('message', handler),
    close: () => stop(child),
  };
}

function start(role, serialization) {
  return fork(CHILD, [role], { serialization, execArgv: [] });
}

async function stop(child) {
  const exited = once(child, 'exit');
  child.disconnect();
  await exited;
}

const CHILD = fileURLToPath(new URL('fork-child.js', import.meta.url));
