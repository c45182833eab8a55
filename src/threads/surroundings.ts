/**
 * What a thread finds around it where a process would find an operating system. Node ends it with the thread that
 * started it; it has no signals, and its output goes through its parent.
 *
 * Runs in threads only.
 */
import { workerData } from 'node:worker_threads';
import { flushStreams, type Surroundings } from '../process/child-main.js';
import { setOwnClass } from '../process/current-process.js';
import { joinFamilyAsThread } from '../substrate/self.js';
import { expectFirstModule } from '../wire/first-module.js';
import { watchLoads } from '../wire/loader-modules.js';
import { Thread } from './thread.js';
import { LISTENS, STARTING, STATE, type ThreadData, UNWANTED, UP, LOADING } from './thread-data.js';

/** Reads what the starter left for this thread. */
export function surroundingsOfThread(): Surroundings {
  const { env, parentBellFd, interrupt } = workerData as ThreadData;
  move(interrupt, STARTING, UP);
  watchLoads({ began: () => move(interrupt, UP, LOADING), ended: () => move(interrupt, LOADING, UP) });
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  tellOfInterruptListeners(interrupt);
  setOwnClass(Thread);
  return {
    join(id) {
      expectFirstModule();
      return joinFamilyAsThread(id);
    },
    parentBellFd: () => parentBellFd,
    isParentAlive: () => true, // node ends this thread before that of its parent
    flushOutput,
    usedMemory: () => process.memoryUsage().heapUsed,
    onInterrupt: () => void process.emit('SIGINT', 'SIGINT'),
  };
}

/** Goes on, or ends this thread as the parent would have ended it: nothing more of the user's runs. */
function move(word: Int32Array, from: number, to: number): void {
  if (Atomics.compareExchange(word, STATE, from, to) !== UNWANTED) return;
  process.removeAllListeners('exit');
  process.exit(0);
}

/** The parent must know even while this thread is busy whether there is somebody to tell. */
function tellOfInterruptListeners(word: Int32Array): void {
  process.on('newListener', (name) => {
    if (name === 'SIGINT') Atomics.store(word, LISTENS, 1);
  });
  process.on('removeListener', (name) => {
    if (name === 'SIGINT') Atomics.store(word, LISTENS, process.listenerCount('SIGINT') > 0 ? 1 : 0);
  });
}

/** Only what waits is waited for: the answer comes from the parent, who may be busy. */
async function flushOutput(): Promise<void> {
  const streams: (NodeJS.WriteStream | undefined)[] = [process.stdout, process.stderr]; // user code may remove them
  if (streams.some((stream) => (stream?.writableLength ?? 0) > 0)) await flushStreams();
}
