/**
 * What the library itself exports. A sent function that names `Process` or `TimeoutError` gets that of the receiver: never
 * a copy, and never that of a second installation, also where the sender's library is a part of somebody's bundle.
 *
 * Runs in every process; filled by the entry points, in children by the first definition that needs it.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Registers the exports of an entry point; they are looked at when the first function is described. */
export function registerOwnExports(exports: object): void {
  entries.push(exports);
}

/** The name under which the library exports a function or class. */
export function ownExportName(fn: object): string | undefined {
  for (const exports of entries.splice(0)) {
    for (const [name, value] of Object.entries(exports)) {
      own[name] = value;
      if (typeof value === 'function') names.set(value, name);
    }
  }
  return names.get(fn);
}

/** All that the library registered, as this process runs it. */
export function loadOwnExports(): Promise<unknown> {
  const index = ownIndex();
  return (index === undefined ? Promise.resolve() : import(index)).then(() => {
    ownExportName(own);
    return own;
  });
}

/** Our own index, beside our own entry files; undefined in somebody's bundle. */
function ownIndex(): string | undefined {
  const base: string | undefined = import.meta.url; // undefined in a bundle in CommonJS
  if (base?.startsWith('file:') !== true) return undefined;
  const places = [
    ['./process-entry.cjs', './index.js'],
    ['../process/process-entry.cjs', '../index.js'],
  ] as const;
  const found = places.find(([entry]) => existsSync(fileURLToPath(new URL(entry, base))));
  return found === undefined ? undefined : new URL(found[1], base).href;
}

const entries: object[] = [];
const own: Record<string, unknown> = {};
const names = new WeakMap<object, string>();
