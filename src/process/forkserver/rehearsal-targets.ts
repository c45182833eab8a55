/**
 * Functions as they come from a parent, for rehearsals: one by its text, and one that a module holds.
 *
 * Runs in fork servers that fork, and in their children before they are asked for. Leaves nothing behind but definitions of
 * numbers that no process gives out: they are below those of every member of a family.
 */
import { type DefinitionBody, type SourceBody, sourceOf, textHash, writeBody } from '../../wire/definition-body.js';
import { heldDefinition, loadDefinition, receivedFunctions } from '../../wire/definitions.js';
import { unitOf } from '../../wire/function-rebuild.js';
import { memberOf } from '../../wire/module-members.js';

/** Calls `act` with one of both kinds, under numbers of their own: what has come once takes another way. */
export function withTargets(act: (targets: readonly object[]) => void): void {
  const targets = [receiveSource((numbers += 1)), receiveMember((numbers += 1), (numbers += 1))];
  try {
    act(targets);
  } finally {
    for (const each of targets) receivedFunctions.delete(each); // who sends the second sends it by a number of its own
  }
}

let numbers = 0;

function receiveSource(number: number): object {
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
  load(body, []);
  return received(unitOf(body).create(), number, number);
}

function receiveMember(module: number, number: number): object {
  load({ kind: 'module', id: module, format: 'builtin', specifier: 'node:path', probe: false }, []);
  const { dirname } = process.getBuiltinModule('node:path');
  const hash = textHash(sourceOf(dirname));
  load({ kind: 'member', id: number, module, space: 'export', path: ['dirname'], name: 'dirname', hash }, [module]);
  return received(memberOf(heldDefinition(number)), number, 0);
}

function load(body: DefinitionBody, requires: readonly number[]): void {
  void loadDefinition(writeBody(body, requires)); // no promise: neither kind loads a file
}

function received(fn: object, number: number, token: number): object {
  receivedFunctions.set(fn, { held: heldDefinition(number), token, captured: () => [] });
  return fn;
}
