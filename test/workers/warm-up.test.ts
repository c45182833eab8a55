import assert from 'node:assert/strict';
import { Session } from 'node:inspector';
import { availableParallelism } from 'node:os';
import test from 'node:test';
import { ProcessPoolExecutor } from 'multiproc';

const skip = availableParallelism() < 2 && 'one CPU: it would be taken from the worker';

test('while the first worker starts, its parent gets ready to send functions, which it does once', { skip }, async () => {
  const asked: string[] = [];
  const { post } = Session.prototype;
  Session.prototype.post = function (this: Session, method: string, ...rest: never[]) {
    asked.push(method);
    return Reflect.apply(post, this, [method, ...rest]) as undefined;
  };
  try {
    for (const isFirst of [true, false]) {
      asked.length = 0;
      const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
      // `Math.max` goes by its name, without any look at it.
      assert.equal(await executor.submit(Math.max, 1, 2), 2);
      await executor.shutdown();
      assert.equal(asked.includes('Runtime.getProperties'), isFirst);
      assert.ok(!asked.includes('Debugger.enable'), 'all scripts were asked for');
    }
  } finally {
    Session.prototype.post = post;
  }
});
