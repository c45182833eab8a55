/**
 * What tests of listeners share.
 *
 * Runs in the test process.
 */
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import * as library from 'multiproc';
import { type Address, Client, type ClientOptions, type Connection, Listener, type ListenerOptions } from 'multiproc';
import { leavesNothing } from '../support/census.js';
import { withDeadline } from '../support/deadline.js';

/** The addresses that listeners may have, each with a name for titles. */
export const families: readonly (readonly [name: string, options: ListenerOptions])[] = [
  ['Unix socket', {}],
  ['TCP', { address: { port: 0 } }],
];

export const KEY: Uint8Array = Buffer.from('a key of more than sixteen bytes');

/** A test body that leaves nothing but what lives as long as the process: the watch over sockets, the family. */
export function clean(body: (t: TestContext) => Promise<void>): (t: TestContext) => Promise<void> {
  return leavesNothing(body, { warmUp });
}

/** A listener that the test ends with. */
export async function listening(t: TestContext, options: ListenerOptions = {}): Promise<Listener> {
  const listener = new Listener(options);
  t.after(() => listener.close());
  return listener.listen();
}

/** Both ends of a connection, which the test ends with. */
export async function connected<T = unknown>(
  t: TestContext,
  options: ListenerOptions & ClientOptions = {},
): Promise<{ listener: Listener; client: Connection<T>; server: Connection<T> }> {
  const listener = await listening(t, options);
  const { address: _, ...rest } = options;
  const [client, server] = await Promise.all([Client<T>(listener.address, rest), listener.accept<T>(30_000)]);
  t.after(() => {
    client.close();
    server.close();
  });
  return { listener, client, server };
}

/** Resolves when a stream has ended, however. */
export async function ended(raw: Socket): Promise<void> {
  if (!raw.closed)
    await withDeadline(new Promise((resolve) => raw.resume().once('close', resolve)), 20_000, 'the end of the stream');
}

/** A TCP address that nobody listens at. */
export async function freeAddress(): Promise<Address> {
  const listener = await new Listener({ address: {} }).listen();
  listener.close();
  return listener.address;
}

/** Opens and closes one of everything, with the classes of one copy of the library. */
export async function openAndClose({ Listener, Client, Process }: Library): Promise<void> {
  const listener = await new Listener({ authKey: KEY }).listen();
  const [client, server] = await Promise.all([Client(listener.address, { authKey: KEY }), listener.accept()]);
  for (const each of [client, server, listener]) each.close();
  const answer = 42; // reading a captured variable opens the inspector
  const child = new Process({ target: () => answer });
  await child.start();
  await child.join();
}

export type Library = Pick<typeof library, 'Listener' | 'Client' | 'Process'>;
const warmUp = () => openAndClose(library);
