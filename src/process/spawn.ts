/**
 * Start method `spawn` of a Process: a fresh node with the flags and the environment of its parent, and what the options say.
 *
 * Runs in parents.
 */
import { execArgvForChild } from '../wire/loader-flags.js';
import { childEnvironment } from './child-setup.js';
import { type Child, type ChildRequest, launch } from './launcher.js';
import type { ProcessOptions } from './process-options.js';

export function spawnProcess(options: ProcessOptions, request: ChildRequest): Child {
  const { execArgv = execArgvForChild(), maxOldSpaceMb } = options;
  return launch({
    ...request,
    entry: 'process-entry.cjs',
    execArgv: maxOldSpaceMb === undefined ? execArgv : [...execArgv, `--max-old-space-size=${maxOldSpaceMb}`],
    env: childEnvironment(options.env),
    cwd: options.cwd,
    stdio: options.stdio ?? 'inherit',
    detached: options.detached ?? false,
  });
}
