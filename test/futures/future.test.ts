import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { CancelledError, Future, InvalidStateError, TimeoutError } from 'multiproc';

/** Runs `act` and gives the unhandled rejections that come of it. */
async function unhandledIn(act: () => unknown): Promise<unknown[]> {
  const seen: unknown[] = [];
  const listeners = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (reason) => seen.push(reason));
  try {
    await act();
    for (let i = 0; i < 3; i++) await turn();
    return seen;
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const listener of listeners) process.on('unhandledRejection', listener);
  }
}

/** Runs `act` and gives the warnings that come of it. */
async function warningsIn(act: () => unknown): Promise<Error[]> {
  const seen: Error[] = [];
  const listen = (warning: Error) => seen.push(warning);
  process.on('warning', listen);
  await act();
  for (let i = 0; i < 3; i++) await turn();
  process.off('warning', listen);
  return seen;
}

const states = (future: Future<unknown>) => [future.running(), future.cancelled(), future.done()];

test('a Future is pending until a result is set, then done with it [F-02 F-03 F-07]', async () => {
  const future = new Future<number>();
  assert.deepEqual(states(future), [false, false, false]);
  const early = future.result();
  future.setResult(7);
  assert.deepEqual(states(future), [false, false, true]);
  assert.deepEqual([await early, await future, await future.result(0), await future.exception()], [7, 7, 7, null]);
});

test('Future.setException() rejects every reader with the same object, also a falsy one [F-03 F-10]', async () => {
  const error = new RangeError('mine');
  const future = new Future<number>();
  future.setException(error);
  for (const read of [() => future.result(), () => future.result(5), () => Promise.resolve(future)]) {
    await assert.rejects(read, (each) => each === error);
  }
  assert.equal(await future.exception(), error);
  const falsy = new Future<number>();
  falsy.setException(undefined);
  let thrown: unknown = 'nothing';
  await falsy.result().catch((each: unknown) => (thrown = each));
  assert.equal(thrown, undefined);
  assert.ok(falsy.done());
});

test('Future.setRunningOrNotifyCancel() gives true once, then the future cannot be cancelled [F-01 F-06]', () => {
  const future = new Future<number>();
  assert.equal(future.setRunningOrNotifyCancel(), true);
  assert.deepEqual(states(future), [true, false, false]);
  assert.equal(future.cancel(), false);
  assert.throws(() => future.setRunningOrNotifyCancel(), InvalidStateError);
  future.setResult(1);
  assert.deepEqual(states(future), [false, false, true]);
  assert.equal(future.cancel(), false);
  assert.throws(() => future.setRunningOrNotifyCancel(), InvalidStateError);
});

test('Future.cancel() of a pending future settles it at once; again it is true [F-01]', async () => {
  const future = new Future<number>();
  const order: string[] = [];
  future.addDoneCallback((each) => order.push(`cancelled ${each.cancelled()}`));
  assert.equal(future.cancel(), true);
  order.push('after cancel');
  assert.deepEqual(order, ['cancelled true', 'after cancel']);
  assert.equal(future.cancel(), true);
  assert.deepEqual(states(future), [false, true, true]);
  assert.equal(future.setRunningOrNotifyCancel(), false);
  await assert.rejects(future.result(), CancelledError);
  await assert.rejects(future.exception(), CancelledError);
});

test('setting a result or an error of a future that is done throws InvalidStateError [FutureTests.test_multiple_set_result FutureTests.test_multiple_set_exception F-07]', async () => {
  const finished = new Future<number>();
  finished.setResult(1);
  assert.throws(() => finished.setResult(2), InvalidStateError);
  assert.throws(() => finished.setException(new Error('late')), InvalidStateError);
  assert.equal(await finished, 1);
  const cancelled = new Future<number>();
  cancelled.cancel();
  assert.throws(() => cancelled.setResult(2), InvalidStateError);
});

test('Future.result(wait) rejects with TimeoutError or the reason of the signal; the future goes on [F-03 F-04]', async () => {
  const future = new Future<number>();
  await assert.rejects(future.result(1), TimeoutError);
  await assert.rejects(future.result(0), TimeoutError);
  await assert.rejects(future.exception({ timeout: 1 }), TimeoutError);
  const reason = new Error('enough');
  await assert.rejects(future.result({ signal: AbortSignal.abort(reason) }), (each) => each === reason);
  await assert.rejects(future.result({ timeout: '5' as never }), TypeError);
  await assert.rejects(future.result(Number.NaN), RangeError);
  future.setResult(3);
  assert.equal(await future.result(Number.POSITIVE_INFINITY), 3);
});

test('done callbacks run once, in the order of adding, with the future; of a done future at once [F-05]', async () => {
  const future = new Future<number>();
  const calls: unknown[] = [];
  const twice = () => calls.push('twice');
  future.addDoneCallback((each) => calls.push(each === future));
  future.addDoneCallback(twice);
  future.addDoneCallback(twice);
  future.setResult(1);
  assert.deepEqual(calls, [true, 'twice', 'twice']);
  future.addDoneCallback(() => calls.push('late'));
  assert.deepEqual(calls, [true, 'twice', 'twice', 'late']);
  assert.throws(() => future.addDoneCallback(undefined as never), TypeError);
});

test('a done callback that throws is a warning and disturbs nobody [F-05 fault 58]', async () => {
  const calls: string[] = [];
  const warnings = await warningsIn(() => {
    const future = new Future<number>();
    future.addDoneCallback(() => {
      throw new Error('in the callback');
    });
    future.addDoneCallback(() => {
      throw null;
    });
    future.addDoneCallback(() => calls.push('next'));
    future.setResult(1);
  });
  assert.deepEqual(calls, ['next']);
  assert.deepEqual(
    warnings.map(({ message }) => message.includes('done callback')),
    [true, true],
  );
});

test('an unread failed future is an unhandledRejection, a read or cancelled one is not', async () => {
  const error = new Error('nobody reads me');
  assert.deepEqual(await unhandledIn(() => new Future<number>().setException(error)), [error]);
  assert.deepEqual(await unhandledIn(() => new Future<number>().cancel()), []);
  assert.deepEqual(
    await unhandledIn(async () => {
      const future = new Future<number>();
      future.setException(error);
      assert.equal(await future.exception(), error);
    }),
    [],
  );
  assert.deepEqual(
    await unhandledIn(async () => {
      const future = new Future<number>();
      future.cancel();
      await assert.rejects(Promise.resolve(future), CancelledError);
    }),
    [],
  );
});

test('a Future has the manners of a promise: then, catch, finally, await, Promise.all', async () => {
  const future = new Future<number>();
  const read = Promise.all([future, future.then((x) => x + 1), future.finally(() => {}), future.catch(() => 0)]);
  future.setResult(5);
  assert.deepEqual(await read, [5, 6, 5, 5]);
});

/** What anybody may ask of a future, asked at one moment. */
async function snapshot(future: Future<number>): Promise<unknown[]> {
  const told = (error: unknown) => (error as Error).name;
  const asked = [future.done(), future.cancelled(), future.running()];
  return [...asked, await future.result(0).catch(told), await future.exception(0).catch(told)];
}

test('each state of a Future as anybody may ask for it [FutureTests.test_cancel FutureTests.test_cancelled FutureTests.test_done FutureTests.test_running FutureTests.test_get_snapshot FutureTests.test_result_with_timeout FutureTests.test_exception_with_timeout]', async () => {
  const error = new RangeError('mine');
  const states: [string, (future: Future<number>) => unknown, unknown[], boolean][] = [
    ['pending', () => {}, [false, false, false, 'TimeoutError', 'TimeoutError'], true],
    ['running', (future) => future.setRunningOrNotifyCancel(), [false, false, true, 'TimeoutError', 'TimeoutError'], false],
    ['cancelled', (future) => future.cancel(), [true, true, false, 'CancelledError', 'CancelledError'], true],
    ['failed', (future) => future.setException(error), [true, false, false, 'RangeError', error], false],
    ['successful', (future) => future.setResult(42), [true, false, false, 42, null], false],
  ];
  for (const [name, bring, expected, cancellable] of states) {
    const future = new Future<number>();
    bring(future);
    assert.deepEqual(await snapshot(future), expected, name);
    assert.equal(future.cancel(), cancellable, name);
    assert.equal(future.cancelled(), cancellable, name);
  }
});

for (const [how, settle, expected] of [
  ['a result', (future: Future<number>) => future.setResult(5), [true, false, 5]],
  ['an error', (future: Future<number>) => future.setException(new RangeError('mine')), [true, false, 'mine']],
  ['being cancelled', (future: Future<number>) => future.cancel(), [true, true, 'The task was cancelled before it began']],
] as const) {
  test(`a done callback is called with the future after ${how}, at once or at the latest when it is added [FutureTests.test_done_callback_with_result FutureTests.test_done_callback_with_exception FutureTests.test_done_callback_with_cancel FutureTests.test_done_callback_already_successful FutureTests.test_done_callback_already_failed FutureTests.test_done_callback_already_cancelled]`, async () => {
    const future = new Future<number>();
    const early: Future<number>[] = [];
    const late: Future<number>[] = [];
    future.addDoneCallback((each) => early.push(each));
    settle(future);
    assert.deepEqual(early, [future]);
    future.addDoneCallback((each) => late.push(each));
    assert.deepEqual(late, [future]);
    const outcome = await future.then(
      (value) => value,
      (error: unknown) => (error as Error).message,
    );
    assert.deepEqual([future.done(), future.cancelled(), outcome], expected);
  });
}

test('result() and exception() wait for what comes later [FutureTests.test_result_with_success FutureTests.test_result_with_cancel FutureTests.test_exception_with_success]', async () => {
  const [succeeds, isCancelled, fails] = [new Future<number>(), new Future<number>(), new Future<number>()];
  const waits = [succeeds.result(5000), isCancelled.result(5000).catch((error: unknown) => error), fails.exception(5000)];
  await turn();
  succeeds.setResult(42);
  isCancelled.cancel();
  const error = new Error('mine');
  fails.setException(error);
  const [value, cancelled, exception] = await Promise.all(waits);
  assert.equal(value, 42);
  assert.ok(cancelled instanceof CancelledError);
  assert.equal(exception, error);
});

test('a callback that throws although the future is done already is a warning [FutureTests.test_done_callback_raises_already_succeeded FutureTests.test_done_callback_raises]', async () => {
  const calls: string[] = [];
  const warnings = await warningsIn(() => {
    const future = new Future<number>();
    future.setResult(5);
    future.addDoneCallback(() => {
      throw new Error('too late');
    });
    future.addDoneCallback(() => calls.push('next'));
  });
  assert.deepEqual(calls, ['next']);
  assert.match(warnings.map(({ message }) => message).join(), /too late/);
});
