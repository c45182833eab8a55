// An ordinary module: one exported function that reads a source file, parses it with a real parser, measures it,
// compresses it and returns plain data. It knows nothing of processes.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { parse } from '@babel/parser';

/** Measures one JavaScript, TypeScript or JSON file. A file that cannot be parsed gives a record that says why. */
export async function analyze(path) {
  const bytes = await readFile(path);
  const text = bytes.toString('utf8');
  return {
    path,
    bytes: bytes.length,
    lines: text.split('\n').length,
    ...measure(text, path),
    gzip: gzipSync(bytes).length,
    brotli: brotliCompressSync(bytes, { params: BROTLI }).length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}

function measure(text, path) {
  try {
    return extname(path) === '.json' ? measureJson(text) : measureProgram(text, path);
  } catch (error) {
    return { problem: error.message };
  }
}

function measureJson(text) {
  let nodes = 0;
  let depth = 0;
  const names = new Set();
  walk([JSON.parse(text)], (value, level) => {
    nodes++;
    depth = Math.max(depth, level);
    if (!Array.isArray(value)) for (const key of Object.keys(value)) names.add(key);
  });
  return { kind: 'json', nodes, depth, names: names.size };
}

function measureProgram(text, path) {
  const { program } = parseProgram(text, path);
  const measured = { kind: 'program', nodes: 0, depth: 0, functions: 0, branches: 0 };
  const names = new Set();
  walk(program, (node, level) => {
    if (typeof node.type !== 'string') return;
    measured.nodes++;
    measured.depth = Math.max(measured.depth, level);
    if (FUNCTIONS.has(node.type)) measured.functions++;
    else if (BRANCHES.has(node.type)) measured.branches++;
    else if (node.type === 'Identifier') names.add(node.name);
  });
  return { ...measured, names: names.size };
}

function parseProgram(text, path) {
  const typescript = ['typescript', { dts: /\.d\.[cm]?ts$/.test(path) }];
  const dialects = /\.[cm]?tsx?$/.test(path) ? [[typescript], [typescript, 'jsx']] : [['jsx'], ['flow', 'jsx']];
  const options = {
    sourceType: 'unambiguous',
    allowReturnOutsideFunction: true,
    attachComment: false,
    allowUndeclaredExports: true,
  };
  let problem;
  for (const plugins of dialects) {
    try {
      return parse(text, { ...options, plugins: [...plugins, 'decorators-legacy'] });
    } catch (error) {
      problem ??= error;
    }
  }
  throw problem;
}

/** Visits every object below `root`, without recursion: generated code nests deeply. */
function walk(root, visit) {
  const values = [root];
  const levels = [1];
  while (values.length > 0) {
    const value = values.pop();
    const level = levels.pop();
    visit(value, level);
    for (const key in value) {
      const child = value[key];
      if (child === null || typeof child !== 'object' || key === 'loc' || key === 'extra') continue;
      values.push(child);
      levels.push(level + 1);
    }
  }
}

const BROTLI = { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_LGWIN]: 16 };
const FUNCTIONS = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ObjectMethod',
  'ClassMethod',
  'ClassPrivateMethod',
]);
const BRANCHES = new Set([
  'IfStatement',
  'ConditionalExpression',
  'LogicalExpression',
  'SwitchCase',
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'WhileStatement',
  'DoWhileStatement',
  'CatchClause',
]);
