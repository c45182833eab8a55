/** The thread side of worker-threads.js: one role per start. */
const firstUserCodeMs = Number(process.hrtime.bigint()) / 1e6;
const { parentPort: port, workerData: role } = await import('node:worker_threads');
const parentPort = /** @type {import('node:worker_threads').MessagePort} */ (port);

if (role === 'first-user-code') {
  parentPort.postMessage(firstUserCodeMs);
} else if (role.startsWith('task ')) {
  const run = (await import('./tasks.js')).tasks[role.slice('task '.length)];
  parentPort.on('message', ([id, x]) => parentPort.postMessage([id, run(x)]));
  parentPort.postMessage('ready');
} else if (role === 'channel') {
  const { serveChannel } = await import('../harness/channels.js');
  serveChannel({ send: (message) => parentPort.postMessage(message), onMessage: (handler) => parentPort.on('message', handler) });
  parentPort.postMessage('ready');
}
