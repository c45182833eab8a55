import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Task } from '#src/workers/task.js';
import { TaskQueue } from '#src/workers/task-queue.js';

const sink = { succeed() {}, failEncoded() {}, fail() {} };
const encoded = { buffer: new Uint8Array(12), start: 12, end: 12, definitions: [], holds: [] };
const task = (id: number, priority = 0) => new Task({ id, encoded, job: undefined, flags: 0, sink, priority });
const drain = (queue: TaskQueue): number[] => {
  const ids: number[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) ids.push(next.id);
  return ids;
};
const discard = (queue: TaskQueue, each: Task): void => {
  each.state = 'settled';
  queue.discard();
};

test('TaskQueue gives higher priorities first, equal ones in the order of push', () => {
  const queue = new TaskQueue();
  [0, 3, -1, 3, 0, 7].forEach((priority, id) => queue.push(task(id, priority)));
  assert.equal(queue.peek()?.id, 5);
  assert.equal(queue.size, 6);
  assert.deepEqual(drain(queue), [5, 1, 3, 0, 4, 2]);
  assert.equal(queue.size, 0);
  assert.equal(queue.peek(), undefined);
});

test('TaskQueue.putBack() puts tasks in front of their priority, in their order', () => {
  const queue = new TaskQueue();
  [0, 1, 2, 3].forEach((id) => queue.push(task(id)));
  const taken = [queue.shift() as Task, queue.shift() as Task];
  queue.push(task(9, 1));
  queue.putBack(taken);
  queue.putBack([task(7), task(8, 1)]);
  assert.deepEqual(drain(queue), [8, 9, 7, 0, 1, 2, 3]);
});

test('TaskQueue skips what was settled by others, and keeps its size', () => {
  const queue = new TaskQueue();
  const tasks = Array.from({ length: 10 }, (_, id) => task(id, id % 2));
  for (const each of tasks) queue.push(each);
  for (const id of [1, 0, 9]) discard(queue, tasks[id] as Task);
  assert.equal(queue.size, 7);
  assert.deepEqual(drain(queue), [3, 5, 7, 2, 4, 6, 8]);
});

test('TaskQueue lets go of cancelled tasks while others wait in front of them', () => {
  const queue = new TaskQueue();
  queue.push(task(0));
  const refs: WeakRef<Task>[] = [];
  for (let id = 1; id <= 20_000; id++) {
    const each = task(id);
    queue.push(each);
    discard(queue, each);
    refs.push(new WeakRef(each));
  }
  assert.equal(queue.size, 1);
  assert.deepEqual(drain(queue), [0]);
});
