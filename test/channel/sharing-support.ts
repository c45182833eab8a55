/**
 * What tests of sockets that are sent share.
 *
 * Runs in the test process.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Listener, type ListenerOptions, Pipe } from '#src/index.js';
import { keptDescriptors } from '#src/substrate/kept-descriptors.js';

export const families: readonly (readonly [name: string, options: ListenerOptions])[] = [
  ['Unix socket', {}],
  ['TCP', { address: { port: 0 } }],
];

/** The keeper of descriptors, once begun, lives as long as the process. */
export async function keepOnce(): Promise<void> {
  const listener = await new Listener().listen();
  const [client, server] = await Promise.all([Client(listener.address), listener.accept()]);
  const [here, there] = Pipe();
  await here.send(client);
  await there.recv();
  for (const each of [client, server, here, there, listener]) each.close();
  await noneKept();
}

/** Nothing is kept on its way any more: what is dropped is so a moment later, and what the dead held as soon as they are found. */
export async function noneKept(): Promise<void> {
  for (let left = 1000; keptDescriptors() > 0 && left > 0; left--) await sleep(20);
  assert.equal(keptDescriptors(), 0, 'descriptors are kept that nobody can take');
}
