/**
 * Says where a value stands, as the user would write it: `args[1].cb`, `result.list[3].get("k")`.
 *
 * Runs in every process, only once something cannot be sent: nothing is recorded on the way down
 * but the chain of open objects, in which each one is looked up in the one around it.
 */
import { inspect, types } from 'node:util';

/** An object that is being written, and what is known of its contents. */
export interface OpenObject {
  readonly value: object;
  /** The step an extension named itself. */
  readonly part: string | undefined;
  /** The values of a plain object, keys and values of a map, or items of a set, as they were read. */
  readonly contents: readonly unknown[];
}

/** The path from `root` through `open` to `last`, which stands in the innermost of them. */
export function valuePath(root: string, open: readonly OpenObject[], last: unknown): string {
  const parts: string[] = [];
  open.forEach((parent, index) => {
    const next = open[index + 1];
    const child = next === undefined ? last : next.value;
    if (child !== parent.value) {
      parts.push(parent.part ?? step(parent, child));
    }
  });
  if (parts.length > PARTS_MAX) {
    const cut = parts.length - PARTS_MAX;
    parts.splice(PARTS_MAX - 4, cut, `…(${cut} more)…`);
  }
  return root + parts.join('');
}

/** How the user would write the property `key`. */
export function propertyStep(key: string): string {
  if (IDENTIFIER.test(key)) {
    return `.${key}`;
  }
  return isIndex(key) ? `[${key}]` : `[${JSON.stringify(key)}]`;
}

/** Whether a key is the index of an item of an array. */
export function isIndex(key: string): boolean {
  const number = Number(key) >>> 0;
  return number !== 0xffff_ffff && String(number) === key;
}

/** The own property that throws when it is read. */
export function throwingProperty(value: object): string | undefined {
  for (const key of Object.keys(value)) {
    try {
      Reflect.get(value, key);
    } catch {
      return key;
    }
  }
  return undefined;
}

function step(parent: OpenObject, child: unknown): string {
  const { value, contents } = parent;
  const at = contents.indexOf(child);
  if (types.isMap(value)) {
    return at % 2 === 1 ? `.get(${keyText(contents[at - 1])})` : `.keys()[${Math.max(at, 0) / 2}]`;
  }
  if (types.isSet(value)) {
    return `.values()[${Math.max(at, 0)}]`;
  }
  if (Array.isArray(value)) {
    const index = value.indexOf(child);
    if (index >= 0) {
      return `[${index}]`;
    }
  }
  const key = at >= 0 && !types.isNativeError(value) ? Object.keys(value)[at] : propertyOf(value, child);
  return key === undefined ? '[?]' : propertyStep(key);
}

function propertyOf(value: object, child: unknown): string | undefined {
  return Object.getOwnPropertyNames(value).find((key) => Object.getOwnPropertyDescriptor(value, key)?.value === child);
}

function keyText(key: unknown): string {
  return typeof key === 'string' ? JSON.stringify(key) : inspect(key, { depth: 0, breakLength: Number.POSITIVE_INFINITY });
}

const PARTS_MAX = 24;
const IDENTIFIER: RegExp = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
