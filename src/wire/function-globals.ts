/**
 * Functions that every process has: `Math.max`, `parseInt`, `console.log`, `Array.prototype.map`.
 *
 * Runs in the sending process; the table is made at first need, one for each realm.
 */
import { globalOf } from './realms.js';

/** The path of a function from the global object of its realm, by identity. */
export function globalPath(fn: object): readonly string[] | undefined {
  const global = globalOf(fn);
  let table = tables.get(global);
  if (table === undefined) {
    table = collect(global);
    tables.set(global, table);
  }
  return table.get(fn);
}

/** The names of `globalThis` that are not the user's. */
export function isForeignGlobal(name: string): boolean {
  standard ??= new Set(Object.getOwnPropertyNames(globalThis).filter((key) => !isUserGlobal(key)));
  return standard.has(name);
}

function isUserGlobal(key: string): boolean {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, key);
  return descriptor !== undefined && 'value' in descriptor && descriptor.enumerable === true && !NODE_GLOBALS.has(key);
}

function collect(global: object): Map<object, readonly string[]> {
  const found = new Map<object, readonly string[]>();
  for (const name of Object.getOwnPropertyNames(global)) {
    if (isUserGlobal(name) || !(name in globalThis)) continue;
    const value: unknown = Object.getOwnPropertyDescriptor(global, name)?.value;
    if (value === global || ((typeof value !== 'object' || value === null) && typeof value !== 'function')) continue;
    if (typeof value === 'function') found.set(value, found.get(value) ?? [name]);
    note(found, value, [name]);
    const prototype: unknown =
      typeof value === 'function' ? Object.getOwnPropertyDescriptor(value, 'prototype')?.value : undefined;
    if (typeof prototype === 'object' && prototype !== null) note(found, prototype, [name, 'prototype']);
  }
  return found;
}

function note(found: Map<object, readonly string[]>, holder: object, path: readonly string[]): void {
  for (const key of Object.getOwnPropertyNames(holder)) {
    const value: unknown = Object.getOwnPropertyDescriptor(holder, key)?.value;
    if (typeof value === 'function' && key !== 'constructor' && !found.has(value)) found.set(value, [...path, key]);
  }
}

/** Enumerable on `globalThis` in Node without anybody's help. */
const NODE_GLOBALS = new Set(
  (
    'global clearImmediate setImmediate clearInterval clearTimeout setInterval setTimeout queueMicrotask structuredClone atob btoa ' +
    'performance fetch navigator crypto console process Buffer require module exports __filename __dirname'
  ).split(' '),
);
const tables = new WeakMap<object, Map<object, readonly string[]>>();
let standard: Set<string> | undefined;
