/**
 * Plain objects, both ways: as values of a shape that the message defines once, or as keys with values.
 *
 * Runs in every process. All properties are read before the first is written: getters run once, in
 * order, and a failure further in finds on the stack where it stands.
 */
import { types } from 'node:util';
import type { Decoder } from './decoder.js';
import type { Encoder } from './encoder.js';
import { setOwn } from './shape-reader.js';
import type { ShapeNode } from './shape-writer.js';
import { FIX_MAX, FIX_OBJECT, TAG } from './tags.js';

/** Writes the own enumerable properties of an object; an `arguments` object as the array it resembles. */
export function writePlain(value: Readonly<Record<string, unknown>>, out: Encoder): void {
  const { open, tree } = out;
  const { stack, top: base } = open;
  let top = base;
  let node = tree.root;
  let keys: string[] | undefined;
  for (const key in value) {
    if (!hasOwn.call(value, key)) {
      continue;
    }
    stack[top++] = value[key];
    if (keys === undefined) {
      const next = node.lastKey === key ? node.lastChild : tree.step(node, key);
      if (next === undefined) {
        keys = node.keys();
        keys.push(key);
      } else {
        node = next;
      }
    } else {
      keys.push(key);
    }
  }
  open.top = top;
  if (keys !== undefined) {
    writeEntries(TAG.ENTRIES, keys, base, out);
  } else if (node.likeArguments && types.isArgumentsObject(value)) {
    out.u8(TAG.ARRAY);
    out.varint(top - base);
    out.writePushed(base);
  } else {
    writeShape(node, out);
    out.writePushed(base);
  }
}

/** Writes an object without prototype. */
export function writeBare(value: object, out: Encoder): void {
  const base = out.open.top;
  const keys = Object.keys(value);
  for (const key of keys) {
    out.open.push(Reflect.get(value, key));
  }
  writeEntries(TAG.NULL_PROTOTYPE, keys, base, out);
}

/** Reads keys and values into an object. */
export function readEntries<T extends object>(object: T, input: Decoder): T {
  for (let rest = input.count(2); rest > 0; rest--) {
    setOwn(object as Record<string, unknown>, input.string(), input.read());
  }
  return object;
}

function writeShape(node: ShapeNode, out: Encoder): void {
  if (out.tree.define(node)) {
    out.u8(TAG.SHAPE);
    out.bytes(node.definition);
  } else if (node.number <= FIX_MAX) {
    out.u8(FIX_OBJECT | node.number);
  } else {
    out.u8(TAG.OBJECT);
    out.varint(node.number);
  }
}

/** Writes keys, and their values from the stack. */
function writeEntries(tag: number, keys: readonly string[], base: number, out: Encoder): void {
  const { open } = out;
  open.pushedFrom(base);
  out.u8(tag);
  out.varint(keys.length);
  for (let i = 0; i < keys.length; i++) {
    out.string(keys[i] as string);
    out.write(open.stack[base + i]);
  }
  open.drop(base);
}

const hasOwn = Object.prototype.hasOwnProperty;
