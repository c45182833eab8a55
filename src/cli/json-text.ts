/**
 * JSON text of a function's result; refuses what JSON would lose silently.
 *
 * Runs in a worker.
 */
import { types } from 'node:util';

/**
 * One line of JSON. As `JSON.stringify`, but `undefined` as a whole is `null`, and the values below are errors.
 * @throws {TypeError} If there is a BigInt, Map, Set, buffer, typed array or cycle; the message says where.
 */
export function toJsonText(value: unknown): string {
  if (typeof value !== 'object' && typeof value !== 'bigint') return JSON.stringify(value) ?? 'null';
  let text: string | undefined;
  try {
    text = JSON.stringify(value, refuse);
  } catch (error) {
    const found = isCycleError(error) || error instanceof UnsupportedValue ? locate(value, 'result', new Set()) : undefined;
    throw found === undefined ? error : new TypeError(`Cannot write the result as JSON: ${found.path} is ${found.what}`);
  }
  return text ?? 'null';
}

class UnsupportedValue extends Error {}

/** A replacer: sees each value after its `toJSON`, so classes that define one (Date, Buffer) pass. */
function refuse(_key: string, value: unknown): unknown {
  if ((typeof value === 'object' || typeof value === 'bigint') && unsupported(value) !== undefined) throw new UnsupportedValue();
  return value;
}

function unsupported(value: unknown): string | undefined {
  if (typeof value === 'bigint') return 'a BigInt (convert it to a string or a number)';
  if (types.isMap(value)) return 'a Map (use Object.fromEntries)';
  if (types.isSet(value)) return 'a Set (use an array)';
  if (ArrayBuffer.isView(value)) return 'a typed array (use an array or a base64 string)';
  if (types.isAnyArrayBuffer(value)) return 'an ArrayBuffer (use an array or a base64 string)';
  return undefined;
}

/** The path of the first value that JSON has no word for: only on the way to an error. */
function locate(raw: unknown, path: string, above: Set<unknown>): { path: string; what: string } | undefined {
  const value =
    typeof (raw as { toJSON?: unknown } | null)?.toJSON === 'function' ? (raw as { toJSON(): unknown }).toJSON() : raw;
  const what = unsupported(value);
  if (what !== undefined) return { path, what };
  if (typeof value !== 'object' || value === null) return undefined;
  if (above.has(value)) return { path, what: 'part of a cycle' };
  above.add(value);
  for (const [key, child] of Object.entries(value)) {
    const name = Array.isArray(value)
      ? `[${key}]`
      : /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)
        ? `.${key}`
        : `[${JSON.stringify(key)}]`;
    const found = locate(child, path + name, above);
    if (found !== undefined) return found;
  }
  above.delete(value);
  return undefined;
}

function isCycleError(error: unknown): boolean {
  return error instanceof TypeError && /circular/i.test(error.message);
}
