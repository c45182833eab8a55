import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { leavesNothing } from '../support/census.js';
import { FUNCTIONS, lines, run, scratch, THROWS_AT_LOAD } from './run-command.js';

const map = (name: string, ...args: string[]): string[] => ['map', `${FUNCTIONS}#${name}`, ...args];

test(
  'multiproc map writes one result per line of stdin, in input order',
  leavesNothing(async () => {
    const { code, stdout, stderr } = await run(map('upper'), { input: 'a\nb\n\nc' });
    assert.equal(stdout, '"A"\n"B"\n""\n"C"\n');
    assert.equal(stderr, '');
    assert.equal(code, 0);
  }),
);

test(
  'multiproc map keeps the order when later items are faster; --unordered --with-input says which is which',
  leavesNothing(async (t) => {
    const log = join(scratch(t), 'log');
    const options = { input: lines(5), env: { LOG: log } };
    writeFileSync(log, '');
    const ordered = await run(map('slowFirst', '-p', '2', '--chunk-size', '1'), options);
    assert.equal(ordered.stdout, '"1"\n"2"\n"3"\n"4"\n"5"\n');
    writeFileSync(log, '');
    const unordered = await run(map('slowFirst', '-p', '2', '--chunk-size', '1', '--unordered', '--with-input'), options);
    const text = unordered.stdout.trim().split('\n');
    const records = text.map((line) => JSON.parse(line) as { index: number; input: string; result: string });
    assert.deepEqual(records.map((record) => record.index).sort(), [0, 1, 2, 3, 4]);
    for (const { index, input, result } of records) assert.deepEqual([input, result], [String(index + 1), String(index + 1)]);
  }),
);

test(
  'multiproc map hands 200 000 lines through in order with chunks of its own choice',
  leavesNothing(async () => {
    const { stdout, code } = await run(map('default'), { input: lines(200_000) });
    assert.equal(code, 0);
    assert.equal(stdout, Array.from({ length: 200_000 }, (_, index) => `${String(index + 1).length}\n`).join(''));
  }),
);

test(
  'multiproc map takes arguments as paths, with spaces, patterns and directories',
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    mkdirSync(join(cwd, 'some dir'));
    for (const name of ['b c.txt', 'a.txt', 'some dir/d.txt']) writeFileSync(join(cwd, name), name);
    assert.equal(
      (await run(map('content', '*.txt', 'some dir/d.txt'), { cwd })).stdout,
      '"a.txt"\n"b c.txt"\n"some dir/d.txt"\n',
    );
    assert.equal((await run(map('upper', '-r', '.'), { cwd })).stdout, '"A.TXT"\n"B C.TXT"\n"SOME DIR/D.TXT"\n');
    writeFileSync(join(cwd, 'list'), 'b c.txt\r\n\na.txt\n');
    assert.equal((await run(map('content', '--files-from', 'list'), { cwd })).stdout, '"b c.txt"\n"a.txt"\n');
    assert.equal(
      (await run(map('content', '--files-from', '-', '-0'), { cwd, input: 'b c.txt\0a.txt\0' })).stdout,
      '"b c.txt"\n"a.txt"\n',
    );
    const missing = await run(map('content', 'a.txt', 'missing.txt', '--on-error', 'skip'), { cwd });
    assert.equal(missing.stdout, '"a.txt"\n');
    assert.match(missing.stderr, /item 1 \(missing\.txt\) failed: Error: ENOENT/);
    assert.equal(missing.code, 1);
  }),
);

test(
  'multiproc map reads the lines of several files and stdin, one after the other',
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    writeFileSync(join(cwd, 'a'), '1\n2');
    writeFileSync(join(cwd, 'b'), '');
    const { stdout } = await run(map('upper', '--input', 'lines', 'a', 'b', '-', 'a'), { cwd, input: 'x\n' });
    assert.equal(stdout, '"1"\n"2"\n"X"\n"1"\n"2"\n');
  }),
);

test(
  'multiproc map --input ndjson names file and line of what is no JSON',
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    writeFileSync(join(cwd, 'in.ndjson'), '{"n":1}\n\n{"n":\n{"n":4}\n');
    const stop = await run(map('double', '-i', 'ndjson', 'in.ndjson'), { cwd });
    assert.equal(stop.stdout, '2\n');
    assert.match(stop.stderr, /item 1 \(in\.ndjson:3\) failed: SyntaxError: not valid JSON/);
    assert.equal(stop.code, 1);
    const skip = await run(map('double', '-i', 'ndjson', 'in.ndjson', '--on-error', 'skip', '--with-input'), { cwd });
    assert.equal(skip.stdout, '{"index":0,"input":{"n":1},"result":2}\n{"index":2,"input":{"n":4},"result":8}\n');
    assert.equal(skip.code, 1);
  }),
);

test(
  'multiproc map of nothing writes nothing',
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    writeFileSync(join(cwd, 'list'), '');
    for (const args of [map('upper'), map('upper', '--files-from', 'list'), map('upper', '-r', '.', '-o', 'out')]) {
      const { code, stdout, stderr } = await run(args, {
        cwd: args.includes('-r') ? (mkdirSync(join(cwd, 'e')), join(cwd, 'e')) : cwd,
      });
      assert.deepEqual([code, stdout, stderr], [0, '', '']);
    }
    assert.equal(readFileSync(join(cwd, 'e/out'), 'utf8'), '');
  }),
);

test(
  'multiproc map --on-error stop writes everything before the failed item, its stack, and exits with 1',
  leavesNothing(async () => {
    const { code, stdout, stderr } = await run(map('failOn3'), { input: lines(1000) });
    assert.equal(stdout, '"1"\n"2"\n');
    assert.match(
      stderr,
      /^multiproc: item 2 \(<stdin>:3\) failed: TypeError: three is refused\n {4}at failOn3 .*functions\.mjs:\d+/,
    );
    assert.equal(code, 1);
  }),
);

test(
  'multiproc map --on-error skip leaves the line out and writes the error to --errors',
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    const { code, stdout, stderr } = await run(map('failOn3', '--on-error', 'skip', '--errors', 'e.ndjson'), {
      cwd,
      input: lines(5),
    });
    assert.equal(stdout, '"1"\n"2"\n"4"\n"5"\n');
    assert.equal(stderr, 'multiproc: item 2 (<stdin>:3) failed: TypeError: three is refused\n');
    assert.equal(code, 1);
    const { error, ...where } = JSON.parse(readFileSync(join(cwd, 'e.ndjson'), 'utf8')) as { error: Record<string, string> };
    assert.deepEqual(where, { index: 2, input: '3', at: '<stdin>:3' });
    assert.deepEqual([error['name'], error['message'], error['code']], ['TypeError', 'three is refused', 'E_THREE']);
    assert.match(error['stack'] ?? '', /at failOn3/);
  }),
);

test(
  'multiproc map tells a thrown value that is no error',
  leavesNothing(async () => {
    assert.match(
      (await run(map('throwString'), { input: 'x' })).stderr,
      /item 0 .* failed: Error: thrown value: 'no error object'/,
    );
  }),
);

test(
  'multiproc map fails only the item whose worker died, also in a chunk of several [fault 1]',
  leavesNothing(async () => {
    for (const chunk of ['1', '5']) {
      const { code, stdout, stderr } = await run(map('dieOn3', '--on-error', 'skip', '--chunk-size', chunk), { input: lines(8) });
      assert.equal(stdout, '"1"\n"2"\n"4"\n"5"\n"6"\n"7"\n"8"\n');
      assert.match(stderr, /item 2 \(<stdin>:3\) failed: ProcessDiedError: .*SIGKILL/);
      assert.equal(code, 1);
    }
  }),
);

test(
  'multiproc map --retries runs an item again after its worker died',
  leavesNothing(async (t) => {
    const log = join(scratch(t), 'log');
    writeFileSync(log, '');
    const { code, stdout, stderr } = await run(map('dieOnce', '--retries', '1', '-p', '1'), {
      input: lines(3),
      env: { LOG: log },
    });
    assert.deepEqual([code, stdout, stderr], [0, '"1"\n"2"\n"3"\n', '']);
    assert.equal(readFileSync(log, 'utf8'), '1\n1\n2\n2\n3\n3\n');
  }),
);

test(
  'multiproc map --timeout kills the worker of an item that takes longer',
  leavesNothing(async () => {
    const { code, stdout, stderr } = await run(map('hangOn3', '--timeout', '400', '--on-error', 'skip'), { input: lines(5) });
    assert.equal(stdout, '"1"\n"2"\n"4"\n"5"\n');
    assert.match(stderr, /item 2 \(<stdin>:3\) failed: TimeoutError/);
    assert.equal(code, 1);
  }),
);

test(
  'multiproc map writes null for undefined and refuses what JSON would lose, by its place',
  leavesNothing(async () => {
    const names = ['undefined', 'nothing', 'date', 'notANumber', 'bigint', 'map', 'set', 'bytes', 'cycle'];
    const { stdout, stderr } = await run(map('result', '--on-error', 'skip'), { input: names.join('\n') });
    assert.equal(stdout, 'null\nnull\n"1970-01-01T00:00:00.000Z"\nnull\n');
    for (const text of [
      'result.deep[1].count is a BigInt',
      'result is a Map',
      'result.tags is a Set',
      'result is a typed array',
      'result.self is part of a cycle',
    ]) {
      assert.ok(stderr.includes(text), text);
    }
  }),
);

test(
  'multiproc map keeps what functions print out of its output',
  leavesNothing(async () => {
    const { stdout, stderr } = await run(map('print'), { input: lines(2) });
    assert.equal(stdout, '"1"\n"2"\n');
    assert.deepEqual(stderr.trim().split('\n').sort(), ['printed 1', 'printed 2']);
  }),
);

test(
  'multiproc map --output gives the file its name when it is complete',
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    writeFileSync(join(cwd, 'out'), 'old');
    const failed = await run(map('failOn3', '-o', 'out'), { cwd, input: lines(4) });
    assert.match(failed.stderr, /results so far are in '.*out\.partial'/);
    assert.equal(readFileSync(join(cwd, 'out'), 'utf8'), 'old');
    assert.equal(readFileSync(join(cwd, 'out.partial'), 'utf8'), '"1"\n"2"\n');
    assert.equal((await run(map('upper', '-o', 'out'), { cwd, input: 'x' })).stdout, '');
    assert.equal(readFileSync(join(cwd, 'out'), 'utf8'), '"X"\n');
    assert.equal(existsSync(join(cwd, 'out.partial')), false);
  }),
);

test(
  'multiproc map finds modules by path, package name and node: name',
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    mkdirSync(join(cwd, 'node_modules/only-import'), { recursive: true });
    writeFileSync(join(cwd, 'node_modules/only-import/package.json'), '{"name":"only-import","exports":{"import":"./m.mjs"}}');
    writeFileSync(join(cwd, 'node_modules/only-import/m.mjs'), 'export default (x) => `pkg ${x}`;');
    writeFileSync(join(cwd, 'odd#name.cjs'), 'module.exports = (x) => `cjs ${x}`; module.exports.named = (x) => `named ${x}`;');
    const result = async (spec: string): Promise<string> =>
      (await run(['map', spec, '--input', 'lines'], { cwd, input: '/a/b' })).stdout;
    assert.equal(await result('only-import'), '"pkg /a/b"\n');
    assert.equal(await result('odd#name.cjs'), '"cjs /a/b"\n');
    assert.equal(await result('./odd#name.cjs#named'), '"named /a/b"\n');
    assert.equal(await result('node:path#basename'), '"b"\n');
  }),
);

const USAGE: Record<string, [string[], RegExp]> = {
  'no command': [[], /no command given/],
  'an unknown command': [['mapp'], /unknown command 'mapp', did you mean 'map'\?/],
  'an unknown option': [['map', '--procceses', '2', 'm.mjs'], /unknown option '--procceses', did you mean '--processes'\?/],
  'a missing file': [['map', './none.mjs'], /module '\.\/none\.mjs' not found/],
  'a missing package': [['map', 'no-such-package'], /module 'no-such-package' not found/],
  'a missing export': [map('nope'), /has no export 'nope'; it exports the functions .*\bupper\b/],
  'an export that is no function': [map('five'), /exports 'five', but it is no function/],
  'a missing input file': [map('upper', '--input', 'lines', 'none.txt'), /cannot read 'none\.txt'/],
  'a pattern without match': [map('upper', 'none/*.txt'), /no file matches 'none\/\*\.txt'/],
  'a word too many': [['doctor', 'please'], /unexpected word 'please'/],
};

for (const [name, [args, message]] of Object.entries(USAGE)) {
  test(
    `multiproc exits with 2 on ${name} and names it`,
    leavesNothing(async () => {
      const { code, stdout, stderr } = await run(args);
      assert.match(stderr, message);
      assert.match(stderr, /Try 'multiproc.* --help'/);
      assert.doesNotMatch(stderr, /\n {4}at /);
      assert.deepEqual([code, stdout], [2, '']);
    }),
  );
}

test(
  'multiproc map exits with 1 and the stack when the module throws while it is loaded',
  leavesNothing(async () => {
    const { code, stderr } = await run(['map', THROWS_AT_LOAD], { input: 'x' });
    assert.match(stderr, /failed while it was loaded:\nError: no database\n {4}at .*throws-at-load\.mjs/);
    assert.equal(code, 1);
  }),
);

test(
  'multiproc map exits with 1 when the module ends its worker while it is loaded',
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    writeFileSync(join(cwd, 'exits.mjs'), 'process.exit(3);');
    const { code, stderr } = await run(['map', 'exits.mjs'], { cwd, input: 'x' });
    assert.match(stderr, /^multiproc: module 'exits\.mjs' cannot be loaded: .* exited with code 3/);
    assert.doesNotMatch(stderr, /\n {4}at /);
    assert.equal(code, 1);
  }),
);

test('multiproc has help for everything and a version', async () => {
  for (const args of [['--help'], ['map', '--help'], ['doctor', '-h']]) {
    const { code, stdout, stderr } = await run(args);
    assert.match(stdout, /Usage:/);
    assert.deepEqual([code, stderr], [0, '']);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line);
  }
  assert.match((await run(['--version'])).stdout, /^\d+\.\d+\.\d+/);
});

test(
  'multiproc map shows control characters of errors and names, and does not do them',
  leavesNothing(async () => {
    const skipped = await run(map('throwControls', '--on-error', 'skip'), { input: 'a\x1b]0;title\x07\n' });
    assert.match(skipped.stderr, /RangeError: no \\x1b\[2Ja\\x1b\]0;title\\x07\\nsecond\n/);
    assert.ok(!skipped.stderr.includes('\x1b'));
    const stopped = await run(map('throwControls'), { input: 'a\n' });
    assert.match(stopped.stderr, /RangeError: no \\x1b\[2Ja\nsecond\n {4}at /);
    assert.match(stopped.stderr, /stopped at the first failed item; 1 item done\./);
    const unknown = await run(['map', FUNCTIONS, '--\x1b[2J']);
    assert.ok(unknown.code === 2 && unknown.stderr.includes('\\x1b') && !unknown.stderr.includes('\x1b'));
  }),
);
