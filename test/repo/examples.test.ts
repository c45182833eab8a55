/**
 * Whoever copies an example gets what it says: the programs of the readme, of docs/ and of the sources' `@example`s are
 * type-checked and run; what a `console.log(…); // result` promises must be printed.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transformSync } from 'esbuild';
import * as everything from '#src/index.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** A program in a document, or an example in a source's comment. */
interface Example {
  readonly name: string;
  readonly text: string;
}

const FOLDER = mkdtempSync(join(ROOT, 'dist-test', 'examples-'));
after(() => rmSync(FOLDER, { recursive: true }));

const examples = [...documents().flatMap(programsOf), ...sources().flatMap(examplesOf)];

function documents(): string[] {
  return ['README.md', ...readdirSync(join(ROOT, 'docs')).map((file) => `docs/${file}`)].filter((file) => file.endsWith('.md'));
}

function sources(): string[] {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true }) as string[];
  return files.filter((file) => file.endsWith('.ts')).map((file) => `src/${file}`);
}

/** Blocks that import what they use: others are fragments. */
function programsOf(file: string): Example[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const found = [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, block = ''], i) => ({
    name: `${file} ${i + 1}`,
    text: block,
  }));
  return found.filter((example) => /^import .* from 'multiproc/m.test(example.text) && !/from '\.\.?\//.test(example.text));
}

/** Examples that make what they use. */
function examplesOf(file: string): Example[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const found = [...text.matchAll(/^( *) \* @example\n((?:\1 \* (?!@).*\n|\1 \*\n)+)/gm)];
  return found
    .map(([, , lines = ''], i) => ({ name: `${file} @example ${i + 1}`, text: lines.replace(/^ *\* ?/gm, '') }))
    .filter((example) => makesItsOwn(example.text))
    .map(({ name, text }) => ({ name, text: importsFor(text) + text }));
}

function makesItsOwn(text: string): boolean {
  const made = [...text.matchAll(/\bnew (\w+)/g)].map(([, name = '']) => name);
  return made.length > 0 && made.every((name) => name in everything);
}

function importsFor(text: string): string {
  const names = Object.keys(everything).filter((name) => new RegExp(`\\b${name}\\(`).test(text) && name !== 'Array');
  return `import { ${names.join(', ')} } from 'multiproc';\n`;
}

/** What an example says that it prints: comments behind `console.log(…);` that are not words. */
function promisedLines(text: string): string[] {
  return [...text.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)]
    .map(([, said = '']) => said.trim())
    .filter((said) => /^(?:-?\d[\d.]*n?|\[.*\]|\{.*\}|'.*'|true|false)$/.test(said))
    .map((said) => said.replace(/^'(.*)'$/, '$1'));
}

function withoutSpaces(text: string): string {
  return text.replaceAll(' ', '');
}

function fileOf({ name }: Example, extension: string): string {
  return join(FOLDER, `${name.replace(/[^\w]+/g, '-')}.${extension}`);
}

test('every example compiles', async () => {
  assert.ok(examples.length > 10, `${examples.length} examples were found`);
  for (const example of examples) writeFileSync(fileOf(example, 'ts'), `${example.text}\nexport {};\n`);
  const options = {
    extends: join(ROOT, 'tsconfig.test.json'),
    compilerOptions: { rootDir: ROOT, noEmit: true, noUnusedLocals: false, allowImportingTsExtensions: true },
    include: [FOLDER],
  };
  writeFileSync(join(FOLDER, 'tsconfig.json'), JSON.stringify(options));
  await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', FOLDER]).catch((error: { stdout: string }) => assert.fail(error.stdout));
});

for (const example of examples) {
  test(`${example.name} runs, and prints what it says`, async () => {
    const program = fileOf(example, 'mjs');
    writeFileSync(program, transformSync(example.text, { loader: 'ts', format: 'esm', target: 'es2022' }).code);
    const scratch = join(FOLDER, 'scratch');
    mkdirSync(scratch, { recursive: true });
    for (const file of ['package.json', 'README.md', 'LICENSE'])
      writeFileSync(join(scratch, file), readFileSync(join(ROOT, file)));
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { stdout, stderr } = await run(process.execPath, [program], { cwd: scratch, env, timeout: 60_000 });
    assert.equal(stderr, '');
    const printed = stdout.split('\n').map(withoutSpaces);
    for (const line of promisedLines(example.text)) assert.ok(printed.includes(withoutSpaces(line)), `${line} in\n${stdout}`);
  });
}
