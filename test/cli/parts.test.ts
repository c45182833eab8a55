import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ChunkSizer } from '#src/cli/chunk-sizer.js';
import { toJsonText } from '#src/cli/json-text.js';
import { expandPaths } from '#src/cli/paths.js';
import { Progress } from '#src/cli/progress.js';
import { type Separator, splitRecords } from '#src/cli/records.js';
import { leavesNothing } from '../support/census.js';
import { scratch } from './run-command.js';

async function split(chunks: readonly string[], separator: Separator = '\n'): Promise<string[]> {
  async function* stream(): AsyncGenerator<Buffer> {
    for (const chunk of chunks) yield Buffer.from(chunk, 'latin1');
  }
  const records: string[] = [];
  for await (const group of splitRecords(stream(), separator)) records.push(...group);
  return records;
}

test('splitRecords() cuts lines wherever the chunks end', async () => {
  assert.deepEqual(await split(['a\nb', 'c\n', '\nd']), ['a', 'bc', '', 'd']);
  assert.deepEqual(await split(['a\n']), ['a']);
  assert.deepEqual(await split([]), []);
  assert.deepEqual(await split(['\n']), ['']);
  assert.deepEqual(await split(['one', ' long', ' line']), ['one long line']);
});

test('splitRecords() keeps a character that two chunks share whole', async () => {
  const euro = Buffer.from('€\n', 'utf8').toString('latin1');
  assert.deepEqual(await split([euro.slice(0, 1), euro.slice(1, 2), euro.slice(2)]), ['€']);
});

test('splitRecords() drops carriage returns and a byte order mark, and keeps both between NULs', async () => {
  assert.deepEqual(await split(['\xEF\xBB\xBFa\r\nb\r', '\nc']), ['a', 'b', 'c']);
  assert.deepEqual(await split(['a\r\0b\nc\0'], '\0'), ['a\r', 'b\nc']);
});

test('toJsonText() writes what JSON.stringify writes, and null for undefined', () => {
  assert.equal(toJsonText(undefined), 'null');
  assert.equal(
    toJsonText(() => 1),
    'null',
  );
  assert.equal(
    toJsonText({ a: [1, 'x', null, new Date(0)], b: undefined, n: Number.NaN }),
    '{"a":[1,"x",null,"1970-01-01T00:00:00.000Z"],"n":null}',
  );
  assert.equal(toJsonText(Buffer.from('a')), '{"type":"Buffer","data":[97]}');
});

test('toJsonText() names the place of a value that JSON would lose', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = { up: cycle };
  assert.throws(() => toJsonText(5n), /result is a BigInt/);
  assert.throws(() => toJsonText({ 'a b': [1, { count: 5n }] }), /result\["a b"\]\[1\]\.count is a BigInt/);
  assert.throws(() => toJsonText({ tags: new Set([1]) }), /result\.tags is a Set/);
  assert.throws(() => toJsonText([new Map()]), /result\[0\] is a Map/);
  assert.throws(() => toJsonText(new Float64Array(1)), /result is a typed array/);
  assert.throws(() => toJsonText(cycle), /result\.self\.up is part of a cycle/);
});

test(
  'expandPaths() expands what the shell left, in order',
  leavesNothing((t) => {
    const cwd = scratch(t);
    for (const file of ['b.js', 'a.js', 'c.ts', '.hidden.js', 'sub/x.js', 'sub/deep/y.js', 'sub/[odd] name.js']) {
      mkdirSync(dirname(join(cwd, file)), { recursive: true });
      writeFileSync(join(cwd, file), '');
    }
    const expand = (...inputs: string[]): string[] => expandPaths(inputs, { cwd, recursive: false });
    assert.deepEqual(expand('c.ts', '*.js'), ['c.ts', 'a.js', 'b.js']);
    assert.deepEqual(expand('**/*.js'), ['a.js', 'b.js', 'sub/[odd] name.js', 'sub/x.js', 'sub/deep/y.js']);
    assert.deepEqual(expand('[ab].js', '{c,b}.[tj]s', '?.ts'), ['a.js', 'b.js', 'c.ts', 'b.js', 'c.ts']);
    assert.deepEqual(expand('sub/[odd] name.js'), ['sub/[odd] name.js']);
    assert.deepEqual(expand(`${cwd}/sub/*.js`), [`${cwd}/sub/[odd] name.js`, `${cwd}/sub/x.js`]);
    assert.deepEqual(expand('missing.js', 'https://example.org/?q=1'), ['missing.js', 'https://example.org/?q=1']);
    assert.deepEqual(expandPaths(['sub'], { cwd, recursive: true }), ['sub/[odd] name.js', 'sub/deep/y.js', 'sub/x.js']);
    assert.throws(() => expand('*.py'), /no file matches '\*\.py'/);
    assert.throws(() => expand('sub'), /'sub' is a directory; add --recursive/);
  }),
);

test('ChunkSizer follows the run time of the items, or does what it is told', () => {
  const free = new ChunkSizer({ chunkSize: undefined, timeout: undefined });
  assert.equal(free.size, 1);
  free.observe(1, 0.1);
  assert.equal(free.size, 100);
  free.observe(1, 1000);
  assert.equal(free.size, 1);
  assert.equal(new ChunkSizer({ chunkSize: 7, timeout: 100 }).size, 7);
  assert.equal(new ChunkSizer({ chunkSize: undefined, timeout: 100 }).size, 1);
});

test('Progress.line() fits into any width and says what it knows', () => {
  const line = (columns: number, total: number | undefined, failed = 0): string =>
    new Progress(
      { write: async () => {} },
      { wanted: false, env: {}, counts: () => ({ total, done: 5, replayed: 0, failed }) },
    ).line(columns);
  assert.match(line(80, 10), /^█+░+ 50% {2}5\/10 .*ETA \d+:\d\d$/);
  assert.match(line(80, undefined, 2), /^5 items .* 2 failed$/);
  for (const columns of [0, 1, 10, 20, 40, 80, 200]) assert.ok(line(columns, 10).length <= columns, String(columns));
  assert.match(line(80, 0), /5\/0/);
});
