// `npm run test:loaders [-- words]`: the cases of test/fixtures/functions in a worker of ProcessPoolExecutor, under every
// loader and runner (or those whose name has one of the words) and every supported line of Node, as a table.
//
// Needs a build. Fetches Node binaries and tools into .cache/ (see tools.mjs). Environment: MULTIPROC_NODES, lines or
// paths, default 20,22,24,26; MULTIPROC_HARNESS, a module that starts children in another way (see the fixtures' harnesses).
import { spawnSync } from 'node:child_process';
import { EXPECTED, LOADERS, runLoader, wrongCases } from './loaders.mjs';
import { fetchTools, nodeOfLine } from './tools.mjs';

const AT_ONCE = 2;
const words = process.argv.slice(2);
const loaders = LOADERS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
const nodes = (process.env.MULTIPROC_NODES ?? '20,22,24,26').split(',').map(describeNode);
if (loaders.some(({ tools }) => tools)) fetchTools();

const cells = loaders.flatMap((loader) => nodes.map((node) => ({ loader, node, text: '–' })));
const waiting = cells.filter(({ loader, node }) => node.line >= (loader.from ?? 20));
const failures = [];
console.log(['loader', ...nodes.map(({ version }) => version)].map(pad).join(''));
await Promise.all(Array.from({ length: AT_ONCE }, work));
for (const failure of failures) console.error(failure);
process.exitCode = failures.length === 0 ? 0 : 1;

async function work() {
  for (let cell = waiting.shift(); cell !== undefined; cell = waiting.shift()) {
    cell.text = await runCell(cell);
    cell.done = true;
    printRow(cell.loader);
  }
}

/** When all its cells are there. */
function printRow({ name, from = 20 }) {
  const row = cells.filter(({ loader }) => loader.name === name);
  if (row.every(({ done, node }) => done === true || node.line < from))
    console.log([name, ...row.map(({ text }) => text)].map(pad).join(''));
}

async function runCell({ loader, node }) {
  const results = await runLoader(loader, node.path).catch((error) => ({ failure: String(error) }));
  const wrong = wrongCases(results, loader);
  const title = `${loader.name}, ${node.version}`;
  if (results.failure !== undefined) failures.push(`──── ${title} ────\n${results.failure.trim()}\n`);
  else for (const name of wrong) failures.push(`${title}: ${name}: ${JSON.stringify(results[name])}`);
  return `${(loader.only ?? Object.keys(EXPECTED)).length - wrong.length}/${Object.keys(EXPECTED).length}`;
}

function describeNode(name) {
  const path = /^\d+$/.test(name) ? nodeOfLine(name) : name;
  const version = spawnSync(path, ['-v'], { encoding: 'utf8' }).stdout.trim();
  return { path, version, line: Number(/\d+/.exec(version)?.[0]) };
}

function pad(text, index) {
  return text.padEnd(index === 0 ? 52 : 12);
}
