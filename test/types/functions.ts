// Types of functions that travel: checked by `npm run check -- types`, never run. What must not compile has @ts-expect-error.
import { type Future, type Remote, Process, ProcessPoolExecutor, remote, task } from '#src/index.js';
import { same } from './same.js';
import type { withDeadline } from '../support/deadline.js';

interface Photo {
  readonly file: string;
}
declare const worker: {
  resize(file: string, width?: number): Promise<Photo>;
  count: number;
  Cropper: new (width: number) => { crop(file: string): Photo };
};
declare const executor: ProcessPoolExecutor;
const double = (x: number): number => x * 2;
const later = async (text: string, times: number): Promise<string[]> => Array.from({ length: times }, () => text);

export function taskTypes(): void {
  const scaled = task(
    { factor: 3 },
    ({ factor }) =>
      (x: number) =>
        x * factor,
  );
  same<typeof scaled, (x: number) => number>(true);
  same<ReturnType<typeof scaled>, number>(true);
  // @ts-expect-error -- the function takes a number
  scaled('a');
  const incomplete = { factor: 3 };
  // @ts-expect-error -- the environment has no such name
  task(incomplete, (env) => () => env.other);
  // @ts-expect-error -- the factory must make a function
  task({ factor: 3 }, ({ factor }) => factor);
  const typed = task(
    { names: ['a'] as const },
    ({ names }) =>
      async (i: 0) =>
        names[i],
  );
  same<typeof typed, (i: 0) => Promise<'a'>>(true);
}

export function remoteTypes(): void {
  const module = remote(() => Promise.resolve(worker));
  same<typeof module, Remote<typeof worker>>(true);
  same<typeof module.resize, (file: string, width?: number) => Promise<Photo>>(true);
  same<keyof typeof module, 'resize' | 'Cropper'>(true);
  // @ts-expect-error -- only functions and classes are tasks
  void module.count;
  // @ts-expect-error -- there is no such function
  void module.nothing;
  // @ts-expect-error -- it must be a function that imports
  remote('./worker.ts');
  // @ts-expect-error -- the functions are read-only
  module.resize = async () => ({ file: 'b' });
  same<ReturnType<typeof executor.submit<[file: string, width?: number], Promise<Photo>>>, Future<Photo>>(true);
  const resized = executor.submit(module.resize, 'a.png', 100);
  same<typeof resized, Future<Photo>>(true);
  // @ts-expect-error -- the width is a number
  void executor.submit(module.resize, 'a.png', 'wide');
  const imported = remote(() => import('../support/deadline.js'));
  same<typeof imported.withDeadline, typeof withDeadline>(true);
}

export function processTypes(): void {
  const p = new Process({ target: later, args: ['a', 2] });
  same<typeof p, Process<[text: string, times: number], string[]>>(true);
  same<Awaited<ReturnType<typeof p.result>>, string[]>(true);
  same<ReturnType<typeof p.start>, Promise<typeof p>>(true);
  same<Awaited<ReturnType<Process<[], number>['exception']>>, unknown>(true);
  // @ts-expect-error -- the second argument is a number
  void new Process({ target: later, args: ['a', 'b'] });
  // @ts-expect-error -- too many arguments
  void new Process({ target: double, args: [1, 2] });
  // @ts-expect-error -- no function
  void new Process({ target: 'double' });
  // @ts-expect-error -- no such way of stdio
  void new Process({ target: double, args: [1], stdio: 'file' });
  class Mine extends Process {
    factor = 2;
    override run(): number {
      return this.factor;
    }
  }
  same<ReturnType<Mine['start']>, Promise<Mine>>(true);
  const scaled = new Process({
    target: task(
      { factor: 3 },
      ({ factor }) =>
        (x: number) =>
          x * factor,
    ),
    args: [1],
  });
  same<Awaited<ReturnType<typeof scaled.result>>, number>(true);
}

export async function executorTypes(): Promise<void> {
  same<ReturnType<typeof executor.submit<[x: number], number>>, Future<number>>(true);
  const lines = executor.submit(later, 'a', 2);
  same<typeof lines, Future<string[]>>(true);
  same<Awaited<typeof lines>, string[]>(true);
  const inline = executor.submit((x: number, y: string) => [x, y] as const, 1, 'b');
  same<typeof inline, Future<readonly [number, string]>>(true);
  // @ts-expect-error -- a number is needed
  void executor.submit(double, 'a');
  // @ts-expect-error -- an argument is missing
  void executor.submit(later, 'a');
  // @ts-expect-error -- one argument too many
  void executor.submit(double, 1, 2);
  // @ts-expect-error -- no function
  void executor.submit(1);

  const urgent = executor.options({ priority: 1, retries: 2 }).submit(double, 1);
  same<typeof urgent, Future<number>>(true);
  // @ts-expect-error -- a number is needed
  void executor.options({ priority: 1 }).submit(double, 'a');
  // @ts-expect-error -- no such option
  executor.options({ speed: 1 });

  for await (const item of executor.map(double, [1, 2])) same<typeof item, number>(true);
  for await (const item of executor.map(later, ['a'], new Set([1]))) same<typeof item, string[]>(true);
  for await (const item of executor.map(double, numbers(), { chunkSize: 2 })) same<typeof item, number>(true);
  for await (const item of executor.options({ retries: 1 }).map(double, [1])) same<typeof item, number>(true);
  // @ts-expect-error -- numbers are needed
  void executor.map(double, ['a']);
  // @ts-expect-error -- the second iterable is missing
  void executor.map(later, ['a']);
  // @ts-expect-error -- nothing to iterate over
  void executor.map(double, 1);
  // @ts-expect-error -- no such option
  void executor.map(double, [1], { chunks: 2 });

  void new ProcessPoolExecutor({ initializer: double, initArgs: [1] });
  // @ts-expect-error -- no function
  void new ProcessPoolExecutor({ initializer: 1 });
}

async function* numbers(): AsyncGenerator<number> {
  yield 1;
}

export function classTypes(): void {
  class Crop {
    readonly width: number;
    constructor(width: number) {
      this.width = width;
    }
  }
  const crop = executor.submit(Crop, 3);
  same<typeof crop, Future<Crop>>(true);
  // @ts-expect-error -- the constructor takes a number
  executor.submit(Crop, 'a');
}
