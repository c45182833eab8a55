/**
 * What tests of managers over sockets share.
 *
 * Runs in the test process.
 */
import type { TestContext } from 'node:test';
import { type ManagerOptions, SyncManager } from 'multiproc';
import { leavesNothing } from '../support/census.js';
import { KEY, openAndClose } from '../channel/socket-support.js';
import * as library from 'multiproc';

/** A test that leaves nothing but what lives as long as the process. */
export const clean = (body: (t: TestContext) => Promise<void>): ((t: TestContext) => Promise<void>) =>
  leavesNothing(body, { warmUp });

/** A started manager that listens; the test ends with it. */
export async function serving(t: TestContext, options: ManagerOptions = {}): Promise<SyncManager> {
  const manager = await new SyncManager({ address: {}, authKey: KEY, ...options }).start();
  t.after(() => manager.shutdown());
  return manager;
}

/** A manager that is connected to another one over a socket; the test ends with it. */
export async function connectedTo(t: TestContext, to: SyncManager, options: ManagerOptions = {}): Promise<SyncManager> {
  const { address } = to;
  const manager = await new SyncManager({ address: address ?? undefined, authKey: KEY, ...options }).connect();
  t.after(() => manager.disconnect());
  return manager;
}

/** Brings up what lives as long as the process. */
export const warmUp = async (): Promise<void> => {
  await openAndClose(library);
  const manager = await new SyncManager({ address: {} }).start();
  const client = await new SyncManager({ address: manager.address ?? undefined }).connect();
  await client.list();
  client.disconnect();
  await manager.shutdown();
};
