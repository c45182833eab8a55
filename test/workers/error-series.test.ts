/** Errors of very many tasks that end for the same reason. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CancelledError } from 'multiproc';
import { errorSeries } from '#src/workers/error-series.js';

test('errors of a series are each their own, with the message and the stack of the first, and keep their cause', () => {
  const cause = new Error('why');
  const next = errorSeries(() => new CancelledError('The task was cancelled', { cause }));
  const errors = [next(), next(), next()];
  assert.equal(new Set(errors).size, 3);
  for (const error of errors) {
    assert.ok(error instanceof CancelledError);
    assert.equal(error.message, 'The task was cancelled');
    assert.equal(error.cause, cause);
    assert.equal(error.stack, errors[0]?.stack);
    assert.match(error.stack ?? '', /error-series\.test/);
  }
});

test('a series of errors leaves the depth of stacks as it was, also where making one throws', () => {
  const before = Error.stackTraceLimit;
  let count = 0;
  const next = errorSeries(() => {
    if (++count === 2) throw new TypeError('no error to be had');
    return new Error('one');
  });
  next();
  assert.throws(next, TypeError);
  assert.equal(Error.stackTraceLimit, before);
});
