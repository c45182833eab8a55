/**
 * `npm run demo`: every JavaScript, TypeScript and JSON file of this repository and its node_modules through
 * examples/demo/analyze.mjs, first by `multiproc map` on all CPUs, then by a plain loop in one process.
 *
 * Prints the most complex files, both times and their ratio. Exit code 1 if the results differ in a single byte.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COMMAND = join(ROOT, JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).bin.multiproc);
const MAX_BYTES = 75e6;
const TABLE_ROWS = 12;
const SOURCE = /\.([cm]?[jt]s|[jt]sx|json)$/;
const BUILT = new Set(['.git', '.cache', 'build', 'coverage', 'dist', 'dist-test', 'prebuilds']);

process.on('SIGINT', () => {}); // the commands below end by it, and then this one
process.exitCode = await demo();

async function demo() {
  if (!existsSync(COMMAND)) {
    console.error(`demo: ${relative(ROOT, COMMAND)} is missing; run 'npm run demo', which builds it first`);
    return 1;
  }
  const directory = mkdtempSync(join(tmpdir(), 'multiproc-demo-'));
  try {
    return await runBoth(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function runBoth(directory) {
  const paths = (name) => join(directory, name);
  const { files, total } = sample(findFiles(ROOT));
  const bytes = sum(files, (file) => file.size);
  // Largest first: a large file begun last would leave the other CPUs idle.
  files.sort((a, b) => b.size - a.size || (a.path < b.path ? -1 : 1));
  writeFileSync(paths('files.txt'), files.map((file) => `${file.path}\n`).join(''));
  const part = files.length === total ? '' : ` (every ${Math.round(total / files.length)}th of ${total})`;
  console.log(
    `${files.length} files${part}, ${megabytes(bytes)}: parse, measure, compress, hash; ${availableParallelism()} CPUs\n`,
  );

  console.log('$ multiproc map examples/demo/analyze.mjs#analyze --files-from files.txt --output results.ndjson');
  const command = [
    COMMAND,
    'map',
    'examples/demo/analyze.mjs#analyze',
    '--files-from',
    paths('files.txt'),
    '--output',
    paths('map.ndjson'),
  ];
  const parallel = await run(command, 'inherit');
  if (parallel.code !== 0) return parallel.code;
  const results = readFileSync(paths('map.ndjson'), 'utf8');
  printTable(
    results
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  );

  console.log('\n$ node examples/demo/one-process.mjs files.txt   # the same function in a plain loop');
  const output = openSync(paths('loop.ndjson'), 'w');
  const single = await run(['examples/demo/one-process.mjs', paths('files.txt')], output);
  closeSync(output);
  if (single.code !== 0) return single.code;
  const expected = readFileSync(paths('loop.ndjson'), 'utf8');
  return compare({ files, bytes, parallel, single, results, expected });
}

function compare({ files, bytes, parallel, single, results, expected }) {
  const line = (name, { seconds }) => {
    const rates = `${Math.round(files.length / seconds)} tasks/s, ${(bytes / 1e6 / seconds).toFixed(2)} MB/s`;
    console.log(`${name.padEnd(16)} ${seconds.toFixed(2).padStart(7)} s   ${rates}`);
  };
  console.log();
  line('multiproc map', parallel);
  line('one process', single);
  console.log(`ratio            ${(single.seconds / parallel.seconds).toFixed(2).padStart(7)} x`);
  if (digest(results) === digest(expected)) {
    console.log(`results          identical, sha256 ${digest(results).slice(0, 16)}`);
    return 0;
  }
  console.log(`results          DIFFER: ${differing(results, expected).join(', ')}`);
  return 1;
}

/** The first files whose records are not the same; an edited file has another sha256 in both. */
function differing(results, expected) {
  const others = expected.split('\n');
  const records = results.split('\n').filter((record, index) => record !== others[index] && record !== '');
  return records.slice(0, 5).map((record) => JSON.parse(record).path);
}

function run(words, stdout) {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, words, { cwd: ROOT, stdio: ['ignore', stdout, 'inherit'] });
    child.on('error', reject);
    child.on('exit', (code) => resolve({ code: code ?? 1, seconds: (performance.now() - started) / 1000 }));
  });
}

/** Every source file below `directory`, without what builds make at the root. */
function findFiles(directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return directory === ROOT && BUILT.has(entry.name) ? [] : findFiles(path);
    return entry.isFile() && SOURCE.test(entry.name) ? [{ path: relative(ROOT, path), size: statSync(path).size }] : [];
  });
}

/** All files, or every nth of the list sorted by name where all would take minutes. */
function sample(all) {
  all.sort((a, b) => (a.path < b.path ? -1 : 1));
  const step = Math.ceil(sum(all, (file) => file.size) / MAX_BYTES);
  return { files: all.filter((_, index) => index % step === 0), total: all.length };
}

function printTable(records) {
  const failed = records.filter((record) => record.problem !== undefined).length;
  const programs = records.filter((record) => record.kind === 'program').sort((a, b) => b.branches - a.branches);
  const row = (cells) => cells.map((cell, index) => (index === 0 ? String(cell).padEnd(46) : String(cell).padStart(9))).join(' ');
  console.log(`\n${row(['most branches', 'bytes', 'lines', 'nodes', 'functions', 'branches', 'depth', 'names', 'brotli'])}`);
  for (const record of programs.slice(0, TABLE_ROWS)) {
    const { bytes, lines, nodes, functions, branches, depth, names, brotli } = record;
    console.log(
      row([
        shortened(record.path),
        bytes,
        lines,
        nodes,
        functions,
        branches,
        depth,
        names,
        `${((100 * brotli) / bytes).toFixed(1)}%`,
      ]),
    );
  }
  const all = `${records.length} files: ${sum(programs, (record) => record.nodes)} nodes, ${sum(programs, (record) => record.functions)} functions`;
  console.log(
    `${all}, ${megabytes(sum(records, (record) => record.bytes))} → ${megabytes(sum(records, (record) => record.brotli))}, ${failed} not parsable`,
  );
}

function shortened(path) {
  return path.length <= 46 ? path : `…${path.slice(-45)}`;
}

function digest(text) {
  return createHash('sha256').update(text).digest('hex');
}

function sum(list, number) {
  return list.reduce((total, element) => total + number(element), 0);
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
