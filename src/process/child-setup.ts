/**
 * What every child gets from its parent whatever it will run: identity, environment.
 *
 * Runs in parents.
 */
import { InvalidStateError } from '../errors.js';
import { isHeard, logTable } from '../logging/log-table.js';
import { childNodeOptions } from '../wire/loader-flags.js';
import type { Boot } from './frames.js';
import { authKey, bootOf, currentName, loadsForParent } from './identity.js';
import type { StartMethod } from './start-method.js';

/** Processes that start processes that start processes: so deep, and no deeper. */
const MAX_DEPTH = 10;

/** Who a child will be. @throws {InvalidStateError} If this process may not have children. */
export function bootFor(child: {
  name: string;
  daemon: boolean;
  identity: readonly number[];
  authKey?: Uint8Array;
  detached?: boolean;
  startMethod: StartMethod | undefined;
  captureConsole?: boolean;
  className?: string;
}): Boot {
  const own = bootOf();
  if (own?.daemon === true) throw new InvalidStateError(`Cannot start ${child.name}: a daemon process may not have children`);
  // Such a module would be loaded by the new child too, which would start children when it is loaded …
  if (loadsForParent())
    throw new InvalidStateError(
      `Cannot start ${child.name}: this process is still loading the module of what it shall run; a module that children load must not start children when it is loaded, do that in a function`,
    );
  if (child.identity.length > MAX_DEPTH)
    throw new InvalidStateError(
      `Cannot start ${child.name}: processes are nested ${MAX_DEPTH} deep already; is one starting itself?`,
    );
  return {
    name: child.name,
    daemon: child.daemon,
    identity: child.identity,
    parentName: currentName(),
    parentPid: process.pid,
    argv: process.argv,
    authKey: child.authKey ?? authKey(),
    detached: child.detached ?? false,
    startMethod: child.startMethod,
    className: child.className,
    logs: child.detached === true ? 0 : logTable(), // what may outlive its parent has nobody to tell
    captureConsole: child.captureConsole ?? false,
    talks: isHeard(),
  };
}

/** The identity of the `number`-th child of this process. */
export function childIdentity(number: number): number[] {
  return [...(bootOf()?.identity ?? []), number];
}

/** The parent's environment with the changes, but no debugger in the child. */
export function childEnvironment(
  changes: Readonly<Record<string, string | undefined>> | undefined,
): Record<string, string | undefined> {
  const env = { ...process.env, ...changes };
  return { ...env, NODE_OPTIONS: childNodeOptions(env) };
}
