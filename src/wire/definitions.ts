/**
 * The definitions that this process made or received, and what they stand for here.
 *
 * Runs in every process, and must stay light: every child loads it at its start. A definition that cannot be loaded
 * is remembered with its reason, which is thrown where it is used: loading never throws and never rejects.
 */
import { DeserializationError } from '../errors.js';
import type { Definition } from './codec-types.js';
import { readBody, writeBody, type DefinitionBody, type ModuleBody } from './definition-body.js';
import { importFailed } from './function-errors.js';
import { loadModule } from './loader-modules.js';

/** A definition, and what this process has of it. */
export interface HeldDefinition {
  readonly definition: Definition;
  readonly body: DefinitionBody;
  /** Of a module: its namespace or `module.exports`. Of a function found here: the function. */
  value?: unknown;
  /** Of a module: what was sent of it by reference, by its path. */
  objects?: Map<string, object>;
  failure?: DeserializationError;
  loading?: Promise<void> | undefined;
}

/** Where the function objects of this process came from: forwarding one, or sending it back, needs no inspection. */
export interface ReceivedFunction {
  readonly held: HeldDefinition;
  /** Names this one function object (not its text) in the process family; 0 for what a module holds. */
  readonly token: number;
  /** The captured values as they are now. */
  captured(): unknown[];
}

/** The functions that arrived here. */
export const receivedFunctions: WeakMap<object, ReceivedFunction> = new WeakMap();

/** The main scripts of other processes, from which functions arrived here by value. */
export const foreignMains: Set<string> = new Set();

/**
 * Sets the number that makes the ids of this process unique in its family.
 *
 * @param originId Number of this process (or thread) in the family, below 2^20.
 */
export function setDefinitionOrigin(originId: number): void {
  origin = originId;
}

/** Makes a definition out of a body without its id. */
export function define(body: DistributiveOmit<DefinitionBody, 'id'>, requires: readonly Definition[]): HeldDefinition {
  const id = origin * IDS_PER_ORIGIN + (definitions += 1);
  const whole = { ...body, id } as DefinitionBody;
  const bytes = writeBody(
    whole,
    requires.map((required) => required.id),
  );
  const held: HeldDefinition = { definition: { id, body: bytes, requires, loads: mayLoad(whole, requires) }, body: whole };
  table.set(id, held);
  return held;
}

/** A number that no other function object of the family has. */
export function newToken(): number {
  return origin * TOKENS_PER_ORIGIN + (tokens += 1);
}

/**
 * Takes a definition that another process of the family sent.
 *
 * - Those it requires must have been handed in before; the returned promise settles when its modules are loaded.
 * - Never throws, never rejects: what failed is thrown when the definition is used.
 *
 * @param bytes The body of the definition; copied.
 */
export function loadDefinition(bytes: Uint8Array): void | Promise<void> {
  let parsed;
  try {
    parsed = readBody(bytes);
  } catch {
    return undefined;
  }
  const { body } = parsed;
  const known = table.get(body.id);
  if (known !== undefined) return known.loading;
  const requires = parsed.requires.flatMap((id) => table.get(id)?.definition ?? []);
  const loads = mayLoad(body, requires);
  const held: HeldDefinition = { definition: { id: body.id, body: Uint8Array.from(bytes), requires, loads }, body };
  table.set(body.id, held);
  return body.kind === 'module' ? start(held, body) : undefined;
}

/** A function by its text is compiled when it is read, which belongs to the task that needs it. */
function mayLoad({ kind }: DefinitionBody, requires: readonly Definition[]): boolean {
  return kind === 'module' || requires.some(({ loads }) => loads);
}

/** What is known of a definition. @throws {DeserializationError} If it never came, or could not be loaded. */
export function heldDefinition(id: number): HeldDefinition {
  const held = table.get(id);
  if (held === undefined) throw new DeserializationError(`A function arrived without its definition, number ${id}`);
  if (held.failure !== undefined) throw held.failure;
  if (held.loading !== undefined)
    throw new DeserializationError(`A function arrived before its module was loaded, definition ${id}`);
  return held;
}

/** The module of a definition, loaded in this process. @throws {DeserializationError} If it could not be loaded. */
export function loadedModule(id: number): HeldDefinition & { readonly body: ModuleBody } {
  const held = heldDefinition(id);
  if (held.body.kind !== 'module') throw new DeserializationError(`Definition ${id} is no module`);
  if (!('value' in held)) void start(held, held.body);
  if (held.loading !== undefined)
    throw new DeserializationError(`The module ${held.body.specifier} is not loaded in this process`);
  if (held.failure !== undefined) throw held.failure;
  return held as HeldDefinition & { readonly body: ModuleBody };
}

function start(held: HeldDefinition, body: ModuleBody): void | Promise<void> {
  const failed = (cause: unknown): void => {
    held.loading = undefined;
    held.failure = importFailed(body.specifier, cause);
  };
  try {
    const loaded = loadModule(body);
    if (!('then' in loaded)) {
      held.value = loaded.exports;
      return undefined;
    }
    held.loading = loaded.then((namespace) => {
      held.loading = undefined;
      held.value = namespace.exports;
    }, failed);
    return held.loading;
  } catch (cause) {
    return failed(cause);
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

const IDS_PER_ORIGIN = 2 ** 24;
const TOKENS_PER_ORIGIN = 2 ** 32;
const table = new Map<number, HeldDefinition>();
let origin = 0;
let definitions = 0;
let tokens = 0;
