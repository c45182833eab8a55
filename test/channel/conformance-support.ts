/**
 * Connections of every way to a child of every kind, for the conformance tests.
 *
 * Runs in the test process.
 */
import type { TestContext } from 'node:test';
import { type Address, Client, type Connection, Listener, Pipe, Queue } from '#src/index.js';
import { leavesNothing } from '../support/census.js';
import { type Kind, startChild } from '../support/kinds.js';

/** How a child gets its end: as an argument, or by connecting. */
type Way = { readonly pipe: Connection } | { readonly address: Address };

export const ways = ['pipe', 'Unix socket', 'TCP'] as const;

/** Our end, of a child that runs `target` with its own. */
export async function withChild<A extends unknown[]>(
  kind: Kind,
  t: TestContext,
  way: (typeof ways)[number],
  target: (connection: Connection<never>, ...args: A) => unknown,
  ...args: A
): Promise<Connection> {
  const run = (open: Way, inner: typeof target, rest: A) => runWith(open, inner, rest);
  if (way === 'pipe') {
    const [here, there] = Pipe();
    t.after(() => here.close());
    await startChild(kind, t, run, [{ pipe: there }, target, args]);
    there.close();
    return here;
  }
  const listener = await new Listener(way === 'TCP' ? { address: {} } : {}).listen();
  try {
    await startChild(kind, t, run, [{ address: listener.address }, target, args]);
    const here = await listener.accept(60_000);
    t.after(() => here.close());
    return here;
  } finally {
    listener.close();
  }
}

async function runWith<A extends unknown[]>(open: Way, target: (connection: Connection<never>, ...args: A) => unknown, args: A) {
  const connection = 'pipe' in open ? open.pipe : await Client(open.address);
  try {
    await target(connection as Connection<never>, ...args);
  } finally {
    connection.close();
  }
}

/** Two ends within this process. */
export async function pair(t: TestContext, way: (typeof ways)[number]): Promise<[Connection, Connection]> {
  if (way === 'pipe') {
    const ends = Pipe();
    t.after(() => ends.forEach((end) => end.close()));
    return ends;
  }
  const listener = await new Listener(way === 'TCP' ? { address: {} } : {}).listen();
  const ends = await Promise.all([Client(listener.address), listener.accept()]);
  listener.close();
  t.after(() => ends.forEach((end) => end.close()));
  return ends as [Connection, Connection];
}

/** Sends every message back until it is empty. */
export async function echo(connection: Connection<never>): Promise<void> {
  for (let bytes = await connection.recvBytes(); bytes.length > 0; bytes = await connection.recvBytes()) {
    await connection.sendBytes(bytes);
  }
}

/** A test body that leaves nothing but what lives as long as the process. */
export function clean(body: (t: TestContext) => Promise<void>): (t: TestContext) => Promise<void> {
  return leavesNothing(body, { warmUp });
}

/** The watch over sockets and the family live as long as this process. */
async function warmUp(): Promise<void> {
  const listener = await new Listener().listen();
  const waiting = listener.accept();
  const client = await Client(listener.address);
  (await waiting).close();
  client.close();
  listener.close();
  new Queue().close();
}
