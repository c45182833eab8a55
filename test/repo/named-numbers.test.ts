/**
 * Numbers with names in the bundle: written out where they are used, whatever else has the same name.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

interface Name {
  readonly imported: string;
  readonly local: string;
}

interface Numbers {
  of(name: string): ReadonlyMap<string, number>;
  sourceWithout(name: string): string;
  define(name: string): Record<string, string>;
  take(taken: readonly Name[], target: string, define: Record<string, string>): readonly Name[];
}

const root = pathToFileURL(`${process.cwd()}/`);
const { NamedNumbers, compile, valuesOf } = (await import(new URL('scripts/named-numbers.js', root).href)) as {
  NamedNumbers: new (sources: ReadonlyMap<string, string>) => Numbers;
  compile(name: string, text: string, define: Record<string, string>): Promise<string>;
  valuesOf(clause: string): readonly Name[];
};

const LAYOUT = `
export const LINE: number = 0x40;
export const TAG = {
  /** One, two. */
  NULL: 0xc1,
  TRUE: 2, // three, four: 5,
} as const;
export const NAMES = ['a'];
`;
const RING = `
import { LINE as WIDTH, TAG, NAMES } from '../substrate/layout.js';
const HEADER = 2 * WIDTH;
export const SIZE = HEADER + 2 ** 10;
const limit = SIZE;
const UNKNOWN = NAMES.length + 1;
export function read(value: number): unknown {
  if (value === HEADER) return { HEADER, text: 'HEADER of TAG.NULL' };
  const SIZE = limit;
  return value === TAG.NULL ? TAG.OTHER : SIZE + UNKNOWN;
}
`;
const sources = new Map([
  ['substrate/layout', LAYOUT],
  ['wire/ring', RING],
]);

test('named numbers are known through names of others and of other modules, and nothing else is one', () => {
  const named = new NamedNumbers(sources);
  assert.deepEqual([...named.of('substrate/layout')], [['LINE', 64]]);
  assert.deepEqual(
    [...named.of('wire/ring')],
    [
      ['HEADER', 128],
      ['SIZE', 1152],
    ],
  );
});

test('named numbers stand where their names stood, but not in texts, nor for variables of the same name', async () => {
  const named = new NamedNumbers(sources);
  const text = named.sourceWithout('wire/ring');
  assert.equal(text.split('\n').length, RING.split('\n').length, 'no line moves');
  const define = named.define('wire/ring');
  const left = named.take(valuesOf('{ LINE as WIDTH, TAG, NAMES }'), 'substrate/layout', define);
  assert.deepEqual(left, [
    { imported: 'TAG', local: 't_TAG' },
    { imported: 'NAMES', local: 'NAMES' },
  ]);
  const imports = `import { TAG as t_TAG, NAMES } from '../substrate/layout.js';`;
  const code = await compile('wire/ring', text.replace(/^import .*$/m, imports), define);
  assert.match(code, /value === 128/);
  assert.match(code, /HEADER: 128, text: "HEADER of TAG.NULL"/);
  assert.match(code, /const limit = 1152;/);
  assert.match(code, /const SIZE\d? = limit;\s*return value === 193 \? t_TAG\.OTHER : SIZE\d? \+ UNKNOWN/);
  assert.match(code, /export \{\s*n_SIZE as SIZE/);
});

test('the bundle of this build reads no named number of the ring from memory', () => {
  const bundle = readFileSync(new URL('dist/bundle/core-modules.cjs', root), 'utf8').replaceAll('\n', '');
  for (const name of ['RECORD_HEADER_BYTES', 'PRODUCER_SEQUENCE', 'EXTENT_OWNER'])
    assert.doesNotMatch(bundle, new RegExp(`[^\\w_]${name}=`), `${name} is no variable`);
});
