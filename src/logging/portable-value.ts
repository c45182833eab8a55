/**
 * Values of log records as JSON: what JSON cannot say is tagged, or shown as text. Never throws, whatever it is given,
 * and never runs for long.
 *
 * `toPortable` runs in children, `fromPortable` in parents. Not the library's codec: a record must not ship classes, hold
 * shared objects or fail.
 */

const TAG = '~';
const MAX_DEPTH = 8;
/** Values in one record; what is beyond is left out. */
const MAX_VALUES = 5000;
const MAX_TEXT = 2 ** 18;

/** Text that stands for a value which cannot travel, and prints as that value did where it was. */
export class Shown {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }

  static {
    Object.defineProperty(this.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: Shown) {
        return this.text;
      },
    });
  }
}

/** Whether JSON says all of it by itself. */
export function isSimple(value: unknown): boolean {
  return (
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    value === null ||
    (typeof value === 'number' && isPlainNumber(value))
  );
}

function isPlainNumber(value: number): boolean {
  return Number.isFinite(value) && !Object.is(value, -0);
}

interface Walk {
  left: number;
  readonly open: Set<unknown>;
}

/** The same value, for `JSON.stringify`. */
export function toPortable(value: unknown): unknown {
  return portable(value, 0, { left: MAX_VALUES, open: new Set() });
}

function portable(value: unknown, depth: number, walk: Walk): unknown {
  if (typeof value === 'string') return value.length > MAX_TEXT ? cut(value) : value;
  if (isSimple(value)) return value;
  if (value === undefined) return { [TAG]: 'undefined' };
  if (typeof value === 'number') return { [TAG]: 'number', v: Object.is(value, -0) ? '-0' : String(value) };
  if (typeof value === 'bigint') return { [TAG]: 'bigint', v: String(value) };
  if (typeof value !== 'object' || value === null) return shown(value);
  if (walk.open.has(value)) return shownAs('[Circular]');
  if (depth >= MAX_DEPTH || walk.left-- <= 0) return shownAs(Array.isArray(value) ? '[Array]' : '[Object]');
  walk.open.add(value);
  try {
    return portableObject(value, depth + 1, walk);
  } catch {
    return shown(value);
  } finally {
    walk.open.delete(value);
  }
}

function portableObject(value: object, depth: number, walk: Walk): unknown {
  const each = (inner: unknown) => portable(inner, depth, walk);
  if (Array.isArray(value)) {
    const shortened = value.length > walk.left + 1;
    const items = value.slice(0, Math.max(walk.left, 1)).map(each);
    return shortened ? [...items, shownAs(`… ${value.length - items.length} more items`)] : items;
  }
  if (value instanceof Shown) return shownAs(value.text);
  if (isError(value)) return portableError(value, each);
  if (value instanceof Date) return { [TAG]: 'date', v: value.getTime() };
  if (value instanceof Map)
    return { [TAG]: 'map', v: [...value].slice(0, Math.max(walk.left, 1)).map(([key, item]) => [each(key), each(item)]) };
  if (value instanceof Set) return { [TAG]: 'set', v: [...value].slice(0, Math.max(walk.left, 1)).map(each) };
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return shown(value);
  const keys = Object.keys(value);
  const entries = keys.slice(0, Math.max(walk.left, 1)).map((key) => [key, each((value as Record<string, unknown>)[key])]);
  return keys.includes(TAG) || keys.includes('__proto__') || keys.includes('toJSON')
    ? { [TAG]: 'object', v: entries }
    : Object.fromEntries(entries);
}

function isError(value: object): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

function portableError(error: Error, each: (value: unknown) => unknown): unknown {
  const own = Object.keys(error).map((key) => [key, each((error as unknown as Record<string, unknown>)[key])]);
  const hidden = ['cause', 'errors']
    .filter((key) => Object.hasOwn(error, key) && !Object.keys(error).includes(key))
    .map((key) => [key, each((error as unknown as Record<string, unknown>)[key])]);
  return { [TAG]: 'error', v: [String(error.name), String(error.message), String(error.stack), own, hidden] };
}

function cut(text: string): string {
  return `${text.slice(0, MAX_TEXT)}… ${text.length - MAX_TEXT} more characters`;
}

function shownAs(text: string): unknown {
  return { [TAG]: 'shown', v: text };
}

function shown(value: unknown): unknown {
  try {
    return shownAs(cutIfLong(process.getBuiltinModule('node:util').inspect(value, { depth: 3, breakLength: 120 })));
  } catch {
    return shownAs('[a value that cannot be shown]');
  }
}

function cutIfLong(text: string): string {
  return text.length > MAX_TEXT ? cut(text) : text;
}

/** The value that `toPortable` was given, or what stands for it. */
export function fromPortable(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(fromPortable);
  const record = value as Record<string, unknown>;
  if (!Object.hasOwn(record, TAG))
    return Object.fromEntries(Object.entries(record).map(([key, inner]) => [key, fromPortable(inner)]));
  return revive(record[TAG], record['v']);
}

type Entries = [key: unknown, value: unknown][];

function revive(tag: unknown, value: unknown): unknown {
  if (tag === 'undefined') return undefined;
  if (tag === 'number') return Number(value);
  if (tag === 'bigint') return BigInt(value as string);
  if (tag === 'date') return new Date((value as number | null) ?? Number.NaN); // JSON has null for the time of an invalid date
  if (tag === 'map') return new Map((value as Entries).map(([key, item]) => [fromPortable(key), fromPortable(item)]));
  if (tag === 'set') return new Set((value as unknown[]).map(fromPortable));
  if (tag === 'object') return Object.fromEntries((value as Entries).map(([key, item]) => [key, fromPortable(item)]));
  if (tag === 'error') return reviveError(value as [string, string, string, Entries, Entries]);
  return new Shown(String(value));
}

function reviveError([name, message, stack, own, hidden]: [string, string, string, Entries, Entries]): Error {
  const BuiltIn: unknown = (globalThis as Record<string, unknown>)[name];
  const error: Error =
    typeof BuiltIn === 'function' && BuiltIn.prototype instanceof Error && name !== 'AggregateError'
      ? (Reflect.construct(BuiltIn, [message]) as Error)
      : new Error(message);
  const define = (key: string, value: unknown, enumerable: boolean) =>
    Object.defineProperty(error, key, { value, enumerable, configurable: true, writable: true });
  if (error.name !== name) define('name', name, false);
  define('stack', stack, false);
  for (const [key, value] of own) define(String(key), fromPortable(value), true);
  for (const [key, value] of hidden) define(String(key), fromPortable(value), false);
  return error;
}
