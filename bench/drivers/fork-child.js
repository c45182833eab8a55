/** The child side of fork.js: one role per start. */
const firstUserCodeMs = Number(process.hrtime.bigint()) / 1e6;
const role = process.argv[2];
const send = (/** @type {any} */ message) => process.send?.(message);

if (role === 'first-user-code') {
  send(firstUserCodeMs);
  process.on('message', () => {}); // lives until the parent disconnects
} else if (role?.startsWith('task ')) {
  const run = (await import('./tasks.js')).tasks[role.slice('task '.length)];
  process.on('message', ([id, x]) => send([id, run(x)]));
  send('ready');
} else if (role === 'channel') {
  const { serveChannel } = await import('../harness/channels.js');
  serveChannel({ send, onMessage: (handler) => process.on('message', handler) });
  send('ready');
}
