/**
 * Sends one message of 2.2 GB through a queue whose limit is raised, to a process that looks at a byte of each page.
 *
 * Runs as a program, `node dist-test/fuzz/queue-huge.js --bytes 2200000000`; it needs four times as much free memory, and says so.
 */
import assert from 'node:assert/strict';
import { availableParallelism, freemem } from 'node:os';
import { parseArgs } from 'node:util';
import { Process, Queue } from 'multiproc';

const { values } = parseArgs({ options: { bytes: { type: 'string', default: '2200000000' } } });
const bytes = Number(values.bytes);
const needed = bytes * 4;
if (freemem() < needed) {
  console.log(`queue-huge: skipped, for ${gigabytes(needed)} GB of memory must be free and ${gigabytes(freemem())} GB are`);
} else {
  await sendOne();
}

async function sendOne(): Promise<void> {
  const queue = new Queue<Uint8Array>(0, { maxBytes: bytes + 2 ** 16 });
  const start = performance.now();
  const child = new Process({
    target: (source: Queue<Uint8Array>, length: number) => {
      const message = source.getSync();
      if (message.length !== length) throw new Error(`${message.length} bytes arrived`);
      for (let i = 0; i < length; i += 4096) {
        if (message[i] !== (i / 4096) % 251) throw new Error(`Byte ${i} is ${message[i]}`);
      }
      return source.stats();
    },
    args: [queue, bytes],
  });
  await child.start();
  const message = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i += 4096) message[i] = (i / 4096) % 251;
  await queue.put(message);
  assert.deepEqual(await child.result(), { size: 0, bytes: 0, lost: 0 });
  const seconds = (performance.now() - start) / 1e3;
  console.log(`queue-huge: ${gigabytes(bytes)} GB arrived whole in ${seconds.toFixed(1)} s, ${availableParallelism()} CPUs`);
}

function gigabytes(count: number): string {
  return (count / 1e9).toFixed(1);
}
