import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as errors from '#src/errors.js';

/** What every error class takes as its second argument, in one object. */
const ANY_DETAILS = { path: 'args[0]', phase: 'idle', exitCode: 0, errno: 2, syscall: 'open' };

type ErrorClass = new (message: string, details: unknown) => Error & { code: string };

const classes = Object.entries(errors).map(([name, value]) => [name, value as unknown as ErrorClass] as const);
const documented = new Map(
  readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [name = '', base = '', code = '', when = '', advice = ''] = line
        .split('|')
        .slice(1)
        .map((cell) => cell.trim());
      return [name.replaceAll('`', ''), { base: base.replaceAll('`', ''), code, when, advice }] as const;
    }),
);

test('docs/errors.md lists exactly the classes that errors.ts exports', () => {
  assert.deepEqual([...documented.keys()].sort(), classes.map(([name]) => name).sort());
});

for (const [name, ErrorClass] of classes) {
  test(`docs/errors.md says the truth about ${name}`, () => {
    const row = documented.get(name);
    assert.ok(row, 'it has a row');
    assert.equal(row.base, (Object.getPrototypeOf(ErrorClass) as { name: string }).name, 'its base class');
    const error = new ErrorClass('why', ANY_DETAILS);
    assert.equal(error.name, name);
    assert.equal(error.message, 'why');
    if (!(error instanceof errors.SystemError)) assert.equal(row.code, `\`${error.code}\``, 'its code');
    assert.ok(row.when !== '' && row.advice !== '', 'when it comes and what to do');
  });
}
