/**
 * Runs the compiled tests with node's own test runner: `npm test`, `npm test -- wire queue` (files whose path has one of
 * the words), `npm test -- --name 'rejects when'` (tests whose name matches).
 *
 * Runs in a process of its own; node:test gives each file another one. It exists because Node 20 cannot expand globs, lets
 * a run without any test pass, and has no deadline per test: here a file whose tests make no progress for two minutes is
 * killed with everything it started, after a dump of what each of its threads waited for.
 *
 * One file at a time: the tests start processes and measure how fast deaths are noticed, so two files on two cores
 * would disturb one another more than they would save.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from 'node:test';
import { spec as SpecReporter } from 'node:test/reporters';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COMPILED = `${ROOT}dist-test/`;
const SILENCE_MS = Number(process.env.MULTIPROC_TEST_SILENCE_MS ?? 120_000);
const POLL_MS = 1_000;
/** Folders with programs that tests run, or that have a command of their own. */
const NOT_TESTS = /^(fixtures|support\/fixtures|types)\//;

const { values, positionals: words } = parseArgs({
  options: { name: { type: 'string', multiple: true, short: 't' } },
  allowPositionals: true,
});

const files = testFiles().filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
if (files.length === 0) {
  console.error(
    words.length === 0 ? 'No tests found in dist-test/: run npm run build:test' : `No test file matches ${words.join(', ')}`,
  );
  process.exit(1);
}
// A temporary folder of our own: what others leave in the common one is no fault of a test.
const temporary = mkdtempSync(join(tmpdir(), 'multiproc-tests-'));
process.env.TMPDIR = temporary;
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));
const { describeFamily, familyOf, markFamily } = await import(`${COMPILED}support/family.js`);
markFamily();
await runAll();

/** Compiled test files that still have a source. */
function testFiles() {
  if (!existsSync(COMPILED)) return [];
  return readdirSync(COMPILED, { recursive: true })
    .filter((file) => file.endsWith('.test.js') && !NOT_TESTS.test(file))
    .filter((file) => existsSync(`${ROOT}test/${file.replace(/\.js$/, '.ts')}`))
    .sort();
}

async function runAll() {
  const events = run({
    files: files.map((file) => COMPILED + file),
    concurrency: 1,
    ...(values.name && { testNamePatterns: values.name.map((name) => new RegExp(name)) }),
  });
  const summary = new Map();
  const withoutTests = [];
  let lastProgress = performance.now();
  for (const name of ['test:start', 'test:pass', 'test:fail', 'test:diagnostic']) {
    events.on(name, () => (lastProgress = performance.now()));
  }
  events.on('test:diagnostic', ({ message, nesting }) => {
    const count = nesting === 0 && /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/.exec(message);
    if (count) summary.set(count[1], Number(count[2]));
  });
  events.on('test:pass', ({ name }) => {
    // node reports a file as a test of its own only when it has none
    if (isAbsolute(name) && name.startsWith(COMPILED)) withoutTests.push(name.slice(COMPILED.length));
  });
  const watchdog = setInterval(() => {
    if (performance.now() - lastProgress < SILENCE_MS) return;
    lastProgress = performance.now();
    killFamily(`No test began or ended for ${SILENCE_MS / 1000} s; these processes are killed:`);
  }, POLL_MS);
  const report = events.compose(new SpecReporter());
  report.pipe(process.stdout, { end: false });
  await new Promise((resolve, reject) => report.on('end', resolve).on('error', reject));
  clearInterval(watchdog);
  process.exitCode = verdict(summary, withoutTests);
}

/** The exit code. When it is not 0, node's summary is printed once more, below the list of failed tests, so that it is always last. */
function verdict(summary, withoutTests) {
  const count = (name) => summary.get(name) ?? 0;
  const complaints = [
    ...(killFamily('Left behind by the tests, now killed:') ? ['The tests left processes behind.'] : []),
    ...(values.name ? [] : withoutTests.map((file) => `There is no test in ${file}.`)),
    ...(count('pass') + count('fail') === 0 ? ['No test ran.'] : []),
  ];
  for (const complaint of complaints) console.error(`\n${complaint}`);
  if (complaints.length === 0 && count('fail') + count('cancelled') === 0) return 0;
  console.log(['', ...[...summary].map(([name, value]) => `ℹ ${name} ${value}`)].join('\n'));
  return 1;
}

/** Kills every process that the tests started and that is still there, after saying what it does. */
function killFamily(headline) {
  const members = familyOf().map(({ pid }) => pid);
  if (members.length === 0) return false;
  console.error(`\n${headline}\n${describeFamily(members)}\n`);
  for (const pid of members) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // gone already
    }
  }
  return true;
}
