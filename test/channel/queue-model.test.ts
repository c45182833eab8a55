/**
 * Queues beside a model of a bounded queue: calls that wait, calls that do not, and the end, in any order.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JoinableQueue, QueueShutDownError } from '#src/index.js';
import { clean } from './conformance-support.js';
import { always } from '../support/properties.js';

type Step = 'put' | 'get' | 'tryPut' | 'tryGet' | 'taskDone';

/** What a bounded queue does, with the calls that wait. */
class Model {
  readonly items: number[] = [];
  readonly puts: number[] = [];
  gets = 0;
  given = 0;
  readonly received: (number | 'end')[] = [];
  readonly accepted: (number | 'end')[] = [];
  unfinished = 0;
  readonly #most: number;

  constructor(maxSize: number) {
    this.#most = maxSize === 0 ? Number.POSITIVE_INFINITY : maxSize;
  }

  get hasRoom(): boolean {
    return this.items.length < this.#most;
  }

  add(value: number): void {
    this.items.push(value);
    this.unfinished++;
  }

  /** Serves those who wait, each kind in its order. */
  settle(): void {
    for (;;) {
      if (this.gets > 0 && this.items.length > 0) {
        this.received.push(this.items.shift() as number);
        this.gets--;
      } else if (this.puts.length > 0 && this.hasRoom) {
        const value = this.puts.shift() as number;
        this.add(value);
        this.accepted.push(value);
      } else {
        return;
      }
    }
  }

  end(): void {
    for (; this.gets > 0; this.gets--) this.received.push('end');
    for (const _ of this.puts.splice(0)) this.accepted.push('end');
  }
}

/** A queue and what its calls have come to. */
class Real {
  readonly queue: JoinableQueue<{ number: number; pad: string }>;
  readonly received: (number | 'end')[] = [];
  readonly accepted: (number | 'end')[] = [];
  readonly calls: Promise<unknown>[] = [];

  constructor(maxSize: number) {
    this.queue = new JoinableQueue(maxSize);
  }

  put(number: number): void {
    this.#note(
      this.queue.put(messageOf(number)).then(() => number),
      this.accepted,
    );
  }

  get(): void {
    this.#note(
      this.queue.get().then(({ number, pad }) => {
        assert.equal(pad.length, padOf(number));
        return number;
      }),
      this.received,
    );
  }

  #note(call: Promise<number>, list: (number | 'end')[]): void {
    const ended = (error: unknown): 'end' => {
      if (error instanceof QueueShutDownError) return 'end';
      throw error;
    };
    this.calls.push(call.catch(ended).then((outcome) => list.push(outcome)));
  }
}

const padOf = (number: number): number => (number * 7919) % 20_000;
const messageOf = (number: number): { number: number; pad: string } => ({ number, pad: 'x'.repeat(padOf(number)) });
/** Everybody who can be served is, by then. */
const turns = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
};

function take(
  step: Step,
  number: number,
  model: Model,
  { queue, ...real }: { queue: Real['queue']; put(n: number): void; get(): void },
): void {
  switch (step) {
    case 'put':
      real.put(number);
      model.puts.push(number);
      break;
    case 'get':
      real.get();
      model.gets++;
      break;
    case 'tryPut':
      assert.equal(queue.tryPut(messageOf(number)), model.hasRoom);
      if (model.hasRoom) model.add(number);
      break;
    case 'tryGet':
      assert.equal(queue.tryGet()?.value.number, model.items.shift());
      break;
    default:
      if (model.unfinished > 0) {
        queue.taskDone();
        model.unfinished--;
      } else {
        assert.throws(() => queue.taskDone(), { name: 'InvalidStateError' });
      }
  }
}

test(
  'whatever is called in whatever order, a queue does what a bounded queue does, to its end  [_TestQueue]',
  clean(async () => {
    const steps = fc.array(fc.constantFrom<Step>('put', 'put', 'get', 'get', 'tryPut', 'tryGet', 'taskDone'), { maxLength: 40 });
    await always(
      fc.asyncProperty(fc.integer({ min: 0, max: 4 }), steps, async (maxSize, chosen) => {
        const model = new Model(maxSize);
        const real = new Real(maxSize);
        const { queue } = real;
        const hands = { queue, put: (n: number) => real.put(n), get: () => real.get() };
        for (const [number, step] of chosen.entries()) {
          take(step, number, model, hands);
          model.settle();
          await turns();
          assert.deepEqual([real.received, real.accepted], [model.received, model.accepted]);
          assert.equal(queue.qsize(), model.items.length);
          assert.equal(queue.full(), !model.hasRoom);
        }
        queue.shutdown();
        model.end();
        await Promise.all(real.calls);
        assert.deepEqual([real.received, real.accepted], [model.received, model.accepted]);
        const left: number[] = [];
        for await (const { number } of queue) left.push(number);
        assert.deepEqual(left, model.items);
        for (; model.unfinished > 0; model.unfinished--) queue.taskDone();
        await queue.join();
        assert.deepEqual(queue.stats(), { size: 0, bytes: 0, lost: 0 });
        queue.close();
      }),
      60,
    );
  }),
);
