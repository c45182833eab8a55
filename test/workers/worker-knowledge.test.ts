import assert from 'node:assert/strict';
import test from 'node:test';
import type { Child } from '#src/process/launcher.js';
import { encodeTask, registerFunctionExtensions } from '#src/wire/function-extension.js';
import { Task } from '#src/workers/task.js';
import { WorkerKnowledge } from '#src/workers/worker-knowledge.js';
import { FIXTURES } from '../wire/function-support.js';

registerFunctionExtensions();

test('a worker must be idle for a task only while it lacks a module that the task needs', async () => {
  const child: Pick<Child, 'ship' | 'sendBytes'> = { ship: () => undefined, sendBytes: () => undefined };
  const knowledge = new WorkerKnowledge(child as Child);
  const taskOf = (fn: object): Task => {
    const { encoded } = encodeTask(fn, [1], { headerBytes: 0 });
    const sink = { succeed: () => undefined, failEncoded: () => undefined, fail: () => undefined };
    return new Task({ id: 1, encoded, job: undefined, flags: 0, sink });
  };
  const y = 1;
  assert.equal(knowledge.lacks(taskOf((x: number) => x + y)), false);
  const { exported } = (await import(new URL('lib.mjs', FIXTURES).href)) as { exported: (x: number) => number };
  const task = taskOf(exported);
  assert.equal(knowledge.lacks(task), true);
  knowledge.complete(task);
  assert.equal(knowledge.lacks(task), false);
});
