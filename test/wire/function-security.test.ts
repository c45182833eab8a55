import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { DeserializationError, SerializationError } from '#src/errors.js';
import { decodeArgs, decodeCall, decodeValue, encodeArgs, encodeCall, encodeValue } from '#src/wire/codec.js';
import type { Encoded } from '#src/wire/codec-types.js';
import { registerFunctionExtensions } from '#src/wire/function-extension.js';
import * as lib from '#src/wire/task.js';

registerFunctionExtensions();

/** What a channel from outside the family passes to the codec. */
const SOCKET = { allow: () => false };
class Mine {
  value = 1;
}
const factor = 2;
const CODE: Record<string, unknown> = {
  'a function by value': (x: number) => x * factor,
  'a function by reference': lib.task,
  'a global function': Math.max,
  'a class': Mine,
  'a module': lib,
  'an instance of a class': new Mine(),
  'an error of a class of the user': new (class Bad extends Error {})('bad'),
};

for (const [name, value] of Object.entries(CODE)) {
  for (const [where, holder] of Object.entries({ alone: value, nested: { list: [new Map([['k', value]])] } })) {
    test(`a channel that takes no extensions refuses ${name} (${where})`, () => {
      const isError = value instanceof Error;
      const { buffer, start, end } = encodeValue(holder, 'value');
      assert.throws(() => decodeValue(buffer, start, end, SOCKET), DeserializationError);
      const args = encodeArgs([1, holder]);
      assert.throws(() => decodeArgs(args.buffer, args.start, args.end, SOCKET), DeserializationError);
      if (isError) return; // goes as the nearest known class
      assert.throws(() => encodeValue(holder, 'value', SOCKET), SerializationError);
    });
  }
}

test('a call cannot come over such a channel', () => {
  const call: Encoded = encodeCall((x: number) => x * factor, [1]);
  assert.throws(() => decodeCall(call.buffer, call.start, call.end, SOCKET), DeserializationError);
});

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));
const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.c?ts$/.test(file))
  .map((file) => ({ file, text: readFileSync(join(SRC, file), 'utf8') }));

/** The files that import a name, directly or under another one. */
function importersOf(name: string): string[] {
  const named = new RegExp(String.raw`\b(?:import|export)\b(?! type)[^;'"]*[{,]\s*${name}\b[^;'"]*\bfrom\b`);
  return sources.filter(({ text }) => named.test(text)).map(({ file }) => file);
}
/** The files that import a module as a whole: `import *`, `export *`, `import()`. */
function holdersOf(module: string): string[] {
  const whole = new RegExp(String.raw`\b(?:import|export) \*[^;'"]*from '[^']*/${module}\.js'|\bimport\('[^']*/${module}\.js'\)`);
  return sources.filter(({ text }) => whole.test(text)).map(({ file }) => file);
}

test('definitions are loaded by the private link, and from the shared memory that a process inherits at its start, only', () => {
  assert.deepEqual(importersOf('loadDefinition').sort(), [
    'channel/item.ts',
    'process/forkserver/rehearsal-targets.ts',
    'proxies/family-courier.ts',
    'wire/shipper.ts',
  ]);
  assert.deepEqual(importersOf('FamilyCourier').sort(), ['manager/server.ts', 'proxies/managed-handle.ts']); // it checks its transport
  assert.deepEqual(importersOf('readItem').sort(), ['channel/pipe-transport.ts', 'channel/queue-core.ts']);
  assert.deepEqual(holdersOf('item'), []);
  assert.deepEqual(holdersOf('definitions'), []);
  assert.deepEqual(importersOf('Inbox').sort(), ['process/child-main.ts', 'process/launcher.ts']);
  assert.deepEqual(holdersOf('shipper'), []);
});

test('text becomes code in these files only', () => {
  const makesCode = /\bnew (?:vm\.)?Script\(|\b(?:vm\.)?runIn\w*Context\(|\bnew Function\(|\(0, eval\)|\bcompileFunction\(/;
  const files = sources
    .filter(({ text }) => makesCode.test(text.replace(/^\s*(?:\*|\/\/|\/\*).*$/gm, '')))
    .map(({ file }) => file);
  assert.deepEqual(files.sort(), [
    'cli/map-task.ts', // what the user's own command line names
    'wire/function-source.ts', // compiles what this process wrote itself, and runs nothing of it
    'wire/loader-hooks.ts', // asks whether eval is allowed
    'wire/loader-modules.ts', // definitions
    'wire/shape-reader.ts', // property names, quoted
    'wire/warm-up.ts', // a text of its own
  ]);
});
