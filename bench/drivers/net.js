/** Node's own sockets, with the least that makes messages of a stream: a line for each number. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check } from '../harness/driver-kit.js';

/** @param {{ family: string; roundTrips: number; warmup: number }} params */
export async function netPingPong({ family, roundTrips, warmup }) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-net-'));
  const server = createServer({ noDelay: true });
  if (family === 'AF_INET') server.listen(0, '127.0.0.1');
  else server.listen(join(folder, 'socket'));
  await once(server, 'listening');
  const address = server.address();
  const target = typeof address === 'string' ? address : String(/** @type {{ port: number }} */ (address).port);
  const child = fork(fileURLToPath(new URL('net-child.js', import.meta.url)), [target]);
  const [socket] = await once(server, 'connection');
  socket.setEncoding('latin1');
  let start = 0;
  let sent = 0;
  const us = await new Promise((resolve, reject) => {
    let text = '';
    socket.on('error', reject);
    socket.on('data', (/** @type {string} */ chunk) => {
      text += chunk;
      if (!text.endsWith('\n')) return;
      check(Number(text), sent, 'echo');
      text = '';
      if (++sent === warmup) start = performance.now();
      if (sent === warmup + roundTrips) resolve(((performance.now() - start) * 1e3) / roundTrips);
      else socket.write(`${sent}\n`);
    });
    socket.write('0\n');
  });
  socket.end();
  await once(child, 'exit');
  server.close();
  rmSync(folder, { recursive: true });
  return us;
}
