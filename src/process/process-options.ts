/**
 * What a Process can be told at its construction, and the check of it.
 *
 * Runs in every process.
 */

import { checkOptionsObject } from '../substrate/argument-checks.js';
import { checkResourceLimits, type ResourceLimits } from './resource-limits.js';
import { checkContext, type ContextOption } from './start-method.js';

export interface ProcessOptions<A extends unknown[] = unknown[], R = unknown> {
  /** What the child runs: any ordinary function. Default: nothing. */
  readonly target?: ((...args: A) => R | Promise<R>) | undefined;
  readonly args?: A | undefined;
  /** Default: class name and number, such as `Process-1`, in a child `Process-1:2`. */
  readonly name?: string | undefined;
  /** Ends with its parent's normal exit, and keeps it alive neither by running nor by writing to a pipe. Default: as the creating process. */
  readonly daemon?: boolean | undefined;
  /** How it starts. Default: as this program has chosen (`setStartMethod`), else 'spawn'. */
  readonly context?: ContextOption | undefined;
  /** Merged over the parent's; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly cwd?: string | undefined;
  /** Flags of node. Default: those of the parent that make sense in a child (loaders yes, inspector no). */
  readonly execArgv?: readonly string[] | undefined;
  /** Of stdout and stderr; stdin is always closed. Default 'inherit'. */
  readonly stdio?: 'inherit' | 'pipe' | 'ignore' | undefined;
  /** Limit of the JavaScript heap in MiB. */
  readonly maxOldSpaceMb?: number | undefined;
  /** Limits of heap and stack, by the names of `worker_threads`. */
  readonly resourceLimits?: ResourceLimits | undefined;
  /** May outlive its parent. Default false. */
  readonly detached?: boolean | undefined;
  /** Console output becomes log records where the parent has logging configured; else it goes to stdout and stderr as always. Default false. */
  readonly captureConsole?: boolean | undefined;
}

/** @throws {TypeError|RangeError} If an option has the wrong type or value. */
export function checkOptions(options: Readonly<Partial<Record<keyof ProcessOptions, unknown>>>): void {
  checkOptionsObject('Cannot create a process', options);
  for (const [name, check] of Object.entries(CHECKS)) {
    const value = options[name as keyof ProcessOptions];
    if (value !== undefined) check(value);
  }
}

const STDIO: ReadonlySet<unknown> = new Set(['inherit', 'pipe', 'ignore']);

const CHECKS: Readonly<Record<string, (value: unknown) => void>> = {
  target: (value) => typeof value === 'function' || refuse('target must be a function', value),
  args: (value) => isIterable(value) || refuse('args must be an array', value),
  name: (value) => typeof value === 'string' || refuse('name must be a string', value),
  daemon: (value) => typeof value === 'boolean' || refuse('daemon must be a boolean', value),
  context: (value) => checkContext('create a process', value),
  env: checkEnv,
  cwd: (value) => isText(value) || refuse('cwd must be a path as a string', value),
  execArgv: (value) => (Array.isArray(value) && value.every(isText)) || refuse('execArgv must be an array of strings', value),
  stdio: (value) => STDIO.has(value) || refuse("stdio must be 'inherit', 'pipe' or 'ignore'", value),
  maxOldSpaceMb(value) {
    if (typeof value !== 'number') refuse('maxOldSpaceMb must be a number of MiB', value);
    if (!Number.isInteger(value) || value <= 0)
      throw new RangeError(`Cannot create a process: maxOldSpaceMb must be a positive integer of MiB, received ${value}`);
  },
  resourceLimits: checkResourceLimits,
  detached: (value) => typeof value === 'boolean' || refuse('detached must be a boolean', value),
  captureConsole: (value) => typeof value === 'boolean' || refuse('captureConsole must be a boolean', value),
};

function checkEnv(env: unknown): void {
  if (typeof env !== 'object' || env === null || Array.isArray(env)) refuse('env must be an object', env);
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !isText(value)) refuse(`env.${name} must be a string or undefined`, value);
    if (!isText(name) || name === '' || name.includes('=')) refuse('env must have names of variables only', name);
  }
}

/** As Python's tuple(args), but a string is a mistake. */
function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

/** A string that the kernel takes: without a NUL character. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}

function refuse(rule: string, value: unknown): never {
  throw new TypeError(`Cannot create a process: ${rule}, received ${shown(value)}`);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  return typeof value === 'object' && value !== null ? `an object of ${value.constructor?.name ?? 'no class'}` : String(value);
}
