/**
 * Processes as a kind of children: by the start method of their context, else by that of the program.
 *
 * Runs in parents.
 */
import { execArgvForChild } from '../wire/loader-flags.js';
import type { ChildKind } from './child-kind.js';
import { childEnvironment } from './child-setup.js';
import { nextIdentity } from './identity.js';
import type { Child, ChildRequest, LaunchRequest } from './launcher.js';
import type { Process } from './process.js';
import type { ProcessOptions } from './process-options.js';
import { flagsOfLimits, limitsOf } from './resource-limits.js';
import { checkStartMethod, launcherOf, methodOf, type StartMethod } from './start-method.js';

/** The kind of a class whose processes start by one method only. */
export function kindOfMethod(base: typeof Process, method: StartMethod): ChildKind {
  return {
    base,
    checkOptions({ context }) {
      checkStartMethod(`create a ${base.name}`, method);
      if (context !== undefined && methodOf(context) !== method)
        throw new TypeError(`Cannot create a ${base.name}: it has a start method, received another as context`);
    },
    nextIdentity,
    startMethod: () => method,
    prepare: (options) => prepareProcess({ ...options, context: method }),
    launch: (options, request) => launchProcess({ ...options, context: method }, request),
  };
}

/** How a Process with these options starts. */
export function startMethodOf({ context }: ProcessOptions): StartMethod {
  return methodOf(context);
}

export function launchProcess(options: ProcessOptions, request: ChildRequest): Child {
  return launcherOf(startMethodOf(options)).launch({
    ...request,
    ...needsOf(options),
    entry: 'process-entry.cjs',
    cwd: options.cwd,
    stdio: options.stdio ?? 'inherit',
    detached: options.detached ?? false,
  });
}

/** What had better be waited for before the launch; undefined: nothing. */
export function prepareProcess(options: ProcessOptions): Promise<void> | undefined {
  const { prepare } = launcherOf(startMethodOf(options));
  return prepare?.(() => needsOf(options));
}

function needsOf(options: ProcessOptions): Pick<LaunchRequest, 'execArgv' | 'env'> {
  const { execArgv = execArgvForChild(), env } = options;
  const flags = flagsOfLimits(limitsOf(options));
  return { execArgv: flags.length === 0 ? execArgv : [...execArgv, ...flags], env: childEnvironment(env) };
}
