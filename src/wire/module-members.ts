/**
 * Finds, in the receiving process, the function that a definition names in a loaded module.
 *
 * Runs in the receiving process. Exact ways first: the probe, the export of that name, V8's own view of the module.
 */
import { DeserializationError } from '../errors.js';
import { sourceOf, textHash, type GlobalBody, type MemberBody } from './definition-body.js';
import { loadedModule, type HeldDefinition } from './definitions.js';
import { shortFile, textDiffers } from './function-errors.js';
import { readModuleScope } from './module-snapshot.js';
import { probeOf } from './loader-hooks.js';

/** The function of a definition, found once. @throws {DeserializationError} If it is not there, or is another. */
export function memberOf(held: HeldDefinition): object {
  if (held.value !== undefined) return held.value as object;
  const { body } = held;
  const found = body.kind === 'global' ? findGlobal(body) : findMember(body as MemberBody);
  held.value = found;
  return found;
}

/** Walks a path of own or inherited properties. */
export function valueAt(start: unknown, path: readonly string[]): unknown {
  let value = start;
  for (const key of path) {
    if (value === null || value === undefined) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function findGlobal({ path }: GlobalBody): object {
  const value = valueAt(globalThis, path);
  if (typeof value !== 'function') throw new DeserializationError(`There is no function ${path.join('.')} in this process`);
  return value;
}

function findMember(body: MemberBody): object {
  const module = loadedModule(body.module);
  const url = module.body.specifier;
  const fits = (value: unknown): value is object =>
    typeof value === 'function' && (body.hash === undefined || textHash(sourceOf(value)) === body.hash);
  let other = false;
  for (const way of body.space === 'export' ? [fromExports] : [fromProbe, fromExports, fromInspector, fromEqualExport]) {
    const value = way(body, module.value, url);
    if (fits(value)) return value;
    other ||= typeof value === 'function';
  }
  const name = body.path.length === 0 ? body.name : body.path.join('.');
  if (other) throw textDiffers(name, url);
  throw new DeserializationError(`There is no function '${name}' in ${shortFile(url)} as this process loaded it`);
}

function fromProbe({ path }: MemberBody, _: unknown, url: string): unknown {
  const [first, ...rest] = path;
  try {
    return first === undefined ? undefined : valueAt(probeOf(url)?.evaluate(first), rest);
  } catch {
    return undefined;
  }
}

function fromExports({ path }: MemberBody, exports: unknown): unknown {
  return valueAt(exports, path);
}

function fromInspector({ path: [first = '', ...rest] }: MemberBody, exports: unknown, url: string): unknown {
  try {
    return valueAt(readModuleScope(exports, url)?.[first], rest);
  } catch {
    return undefined;
  }
}

/** `export { a as b }` and `export default function a`: a declared function whose own name tells. */
function fromEqualExport({ path, name, hash }: MemberBody, exports: unknown): unknown {
  if (path.length !== 1 || path[0] !== name || hash === undefined) return undefined;
  const equal = Object.values(exports as object).filter(
    (value) => typeof value === 'function' && value.name === name && textHash(sourceOf(value)) === hash,
  );
  return new Set(equal).size === 1 ? equal[0] : undefined;
}
