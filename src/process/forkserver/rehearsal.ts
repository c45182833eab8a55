/**
 * Does once in the server what every child does first, so that no child is the first to do it: V8 has compiled it then, and
 * has seen what kinds of objects come.
 *
 * Runs in fork servers that fork, and in their children. Leaves nothing behind but definitions of numbers that no process
 * gives out. A preloaded module may have changed anything that it uses, so it may fail: no child needs it.
 */
import { pathToFileURL } from 'node:url';
import { fileBeside } from '../../native/own-files.js';
import { decodeArgs, decodeValue, encodeArgs, encodeValue } from '../../wire/codec.js';
import { type SourceBody, writeBody } from '../../wire/definition-body.js';
import { heldDefinition, loadDefinition, receivedFunctions } from '../../wire/definitions.js';
import { registerFunctionExtensions } from '../../wire/function-extension.js';
import { unitOf } from '../../wire/function-rebuild.js';
import { importFrom } from '../../wire/loader-modules.js';

/** Rehearses a child's first moments. Never throws. */
export function rehearse(rounds: number): void {
  try {
    registerFunctionExtensions();
    for (let round = 1; round <= rounds; round++) rehearseRound(round);
  } catch {
    // The child will meet what is broken, and say so.
  }
}

function rehearseRound(round: number): void {
  const fn = receiveFunction(round);
  for (const value of [bootLike(), fn]) {
    const { buffer, start, end } = encodeValue(value, 'rehearsal');
    decodeValue(buffer, start, end);
  }
  const { buffer, start, end } = encodeArgs([round, 'text', null, true, { list: [1, 2] }]);
  decodeArgs(buffer, start, end, { owned: true });
  encodeValue(undefined, 'result', { inFlight: true });
}

/**
 * Loads modules, as those of a target are loaded: node's own part of that is compiled then, which takes longer than all else.
 * Never rejects; loader hooks of the user's may refuse a module that they do not know.
 */
export async function rehearseImport(rounds: number): Promise<void> {
  try {
    const file = fileBeside(import.meta.url, './resolve.js', '../frames.js');
    if (file === undefined) return;
    const url = pathToFileURL(file).href;
    for (let round = 0; round < rounds; round++) {
      await importFrom('file:///', `${url}?rehearsal=${(imports += 1)}`);
      await importFrom('file:///', `${url}?rehearsal=${imports}`); // what is loaded takes another way
    }
  } catch {
    // As above.
  }
}

/** So each finds a module that is not loaded yet. */
let imports = 0;

/** A function as it comes from a parent. Its numbers are below those of every member of a family. */
export function receiveFunction(number: number): object {
  const body: SourceBody = {
    kind: 'source',
    id: number,
    name: 'rehearsal',
    text: '(x) => { return x; }',
    form: 'expression',
    strict: true,
    isClass: false,
    early: false,
    names: [],
    maybe: [],
    standIns: {},
    symbols: {},
    usesMeta: false,
    main: false,
    url: 'file:///rehearsal.js',
    filename: 'file:///rehearsal.js',
    line: 1,
    column: 1,
  };
  void loadDefinition(writeBody(body, []));
  const fn = unitOf(body).create();
  receivedFunctions.set(fn, { held: heldDefinition(number), token: number, captured: () => [] });
  return fn;
}

/** The kinds of values that a child is told at its start. */
function bootLike(): object {
  return {
    name: 'rehearsal',
    identity: [1, 2],
    argv: process.argv,
    daemon: false,
    authKey: new Uint8Array(32),
    startMethod: undefined,
    logs: 0,
    nested: { text: 'x', number: 1.5 },
  };
}
