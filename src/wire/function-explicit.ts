/**
 * Definitions of what `task` and `remote` made: no inspection, in any engine.
 *
 * Runs in the sending process.
 */
import { sourceOf, type SourceBody } from './definition-body.js';
import { define, type HeldDefinition } from './definitions.js';
import { ENV_NAME } from './function-form.js';
import { describeMember, tokenOf, type FunctionDescription } from './function-memory.js';
import { moduleDefinition } from './module-definitions.js';
import { remoteParts, type RemoteParts } from './remote.js';
import { taskParts, type TaskParts } from './task.js';

/** The description of a function that carries its own. */
export function describeExplicit(fn: object): FunctionDescription | undefined {
  const task = taskParts(fn);
  if (task !== undefined) return { held: taskDefinition(fn, task), token: tokenOf(fn), captures: [task.env] };
  const remote = remoteParts(fn);
  return remote === undefined ? undefined : describeRemote(fn, remote);
}

function taskDefinition(fn: object, { factory, url, line }: TaskParts): HeldDefinition {
  const text = sourceOf(factory);
  const key = `${url} ${line} ${text}`;
  let held = taskDefinitions.get(key);
  if (held === undefined) {
    const { name } = fn as { name?: unknown };
    const body: Omit<SourceBody, 'id'> = {
      kind: 'source',
      name: typeof name === 'string' ? name : '',
      text,
      form: 'task',
      strict: true,
      isClass: false,
      early: true,
      names: [ENV_NAME],
      maybe: [],
      standIns: {},
      symbols: {},
      usesMeta: false,
      main: false,
      url,
      filename: url,
      line,
      column: 0,
    };
    held = define(body, []);
    taskDefinitions.set(key, held);
  }
  return held;
}

function describeRemote(fn: object, { load, name, url }: RemoteParts): FunctionDescription {
  const module = moduleDefinition({ format: 'thunk', specifier: sourceOf(load), base: url, probe: false });
  return describeMember(fn, { module, path: [name] }, 'export');
}

const taskDefinitions = new Map<string, HeldDefinition>();
