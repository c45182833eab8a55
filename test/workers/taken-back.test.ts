import assert from 'node:assert/strict';
import test from 'node:test';
import { encodeTask, registerFunctionExtensions } from '#src/wire/function-extension.js';
import { LARGE_BYTES, type LargeMessages } from '#src/workers/large-message.js';
import { Task } from '#src/workers/task.js';
import { settleBytes } from '#src/workers/task-message.js';
import { Worker } from '#src/workers/worker.js';
import { CLAIMS, FLAG_INLINE, TASK_HEADER_BYTES } from '#src/workers/worker-frames.js';
import type { WorkerChild } from '#src/workers/worker-life.js';
import { FIXTURES } from '../wire/function-support.js';

registerFunctionExtensions();

/** Tasks in the hands of one of these wait for room in its ring: their bytes are read when there is some. */
class CrowdedChild implements WorkerChild {
  readonly pid = 0;
  readonly shared: Int32Array = new Int32Array(CLAIMS);
  readonly exitCode = null;
  readonly garbage = undefined;
  readonly #frames: { kind: number; bytes: Uint8Array; as: readonly number[] }[] = [];
  get backlog(): number {
    return this.#frames.length;
  }
  ship(): void {}
  signal(): boolean {
    return false;
  }
  sendBytes(kind: number, buffer: Uint8Array, start: number, end: number): void {
    const bytes = buffer.subarray(start, end);
    this.#frames.push({ kind, bytes, as: [...bytes.subarray(0, 64)] });
  }
  /** Kinds of the frames that are not what they were when they were given to it. */
  changed(): number[] {
    return this.#frames.filter(({ bytes, as }) => as.some((byte, i) => byte !== bytes[i])).map(({ kind }) => kind);
  }
}

function taskOf(fn: object, arg: unknown): Task {
  const { fn: job, encoded } = encodeTask(fn, [arg], { headerBytes: TASK_HEADER_BYTES, ...LARGE_BYTES });
  assert.equal(job, undefined);
  const sink = { succeed: () => undefined, failEncoded: () => undefined, fail: () => undefined };
  return new Task({ id: 7, encoded, job: undefined, flags: FLAG_INLINE, sink });
}

function workerOf(child: CrowdedChild): Worker {
  return new Worker(1, 'worker', child, Number.POSITIVE_INFINITY);
}

const { exported } = (await import(new URL('lib.mjs', FIXTURES).href)) as { exported: (x: number) => number };
const y = 1;
const cases = {
  small: () => taskOf((x: number) => x + y, 1),
  'large, without room in shared memory': () => {
    const task = taskOf((x: Uint8Array) => x.length + y, new Uint8Array(2 ** 18));
    settleBytes(task, { put: () => undefined } as unknown as LargeMessages);
    return task;
  },
  'of a module that is to be loaded': () => taskOf(exported, 1),
};

for (const [kind, make] of Object.entries(cases)) {
  test(`what waits to be sent of a task keeps its number when another worker gets the task: ${kind}`, () => {
    const first = new CrowdedChild();
    const before = workerOf(first);
    const other = workerOf(new CrowdedChild());
    other.give(taskOf((x: number) => x * y, 1));
    const task = make();
    before.give(task);
    assert.deepEqual(before.takeBackLast(1), [task]);
    other.give(task);
    assert.equal(task.sequence, 2);
    assert.deepEqual(first.changed(), []);
  });
}
