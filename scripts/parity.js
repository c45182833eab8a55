/**
 * `npm run parity`: which of Python's tests have a counterpart here, per class.
 *
 * Runs in a process of its own. test/parity/python-tests.tsv lists Python's tests with a verdict: Y portable as it is, A
 * portable to our form, Z portable where a process truly forks, N not applicable. A test of ours names what it covers in
 * brackets in its title, `… [_TestLock.test_lock] [Y-12]`. `npm run parity -- _TestLock` also lists that class's tests.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TESTS = fileURLToPath(new URL('../test', import.meta.url));
const BRACKET = /\[([^[\]\n]+)\]/g;
/** The name of a class begins with a capital; that of a file, `[listener.test]`, does not. */
const NAME = /\b(_?[A-Z]\w*\.test\w*)\b/g;

const asked = process.argv.slice(2);
const rows = readRows();
const covered = coveredNames();
const unknown = [...covered.keys()].filter((name) => !rows.some((row) => row.id === name));
report();
if (unknown.length > 0) {
  console.error(`\nTitles that name no test of Python's: ${unknown.map((name) => `${name} (${covered.get(name)})`).join(', ')}`);
  process.exitCode = 1;
}

function readRows() {
  const [, ...lines] = readFileSync(join(TESTS, 'parity/python-tests.tsv'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const [file, group, name, verdict, why] = line.split('\t');
    return { file, group, id: `${group}.${name}`, verdict, why };
  });
}

/** Names in brackets in the sources of our tests, each with the file that has it. */
function coveredNames() {
  const names = new Map();
  for (const file of readdirSync(TESTS, { recursive: true }).filter((each) => each.endsWith('.test.ts'))) {
    for (const [, inside] of readFileSync(join(TESTS, file), 'utf8').matchAll(BRACKET))
      for (const [, name] of inside.matchAll(NAME)) names.set(name, file);
  }
  return names;
}

function report() {
  const groups = groupRows();
  const total = { ported: 0, portable: 0 };
  for (const [group, members] of groups) {
    const portable = members.filter((row) => row.verdict !== 'N');
    if (portable.length === 0) continue;
    const ported = portable.filter((row) => covered.has(row.id));
    total.ported += ported.length;
    total.portable += portable.length;
    console.log(`${group.padEnd(44)} ${String(ported.length).padStart(3)} / ${portable.length}`);
    if (asked.includes(group)) for (const row of portable) console.log(`    ${mark(row)} ${row.id}  ${row.verdict}  ${row.why}`);
  }
  console.log(`${'in all'.padEnd(44)} ${String(total.ported).padStart(3)} / ${total.portable}`);
}

function groupRows() {
  const groups = new Map();
  for (const row of rows) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  return groups;
}

function mark(row) {
  return covered.has(row.id) ? '✓' : '·';
}
