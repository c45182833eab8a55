// Types of futures in lists: checked by `npm run check -- types`, never run. What must not compile has @ts-expect-error.
import { asCompleted, type Future, type Process, type Thread } from '#src/index.js';
import { same } from './same.js';

export async function asCompletedTypes(futures: Future<number>[], mixed: (Process | Thread | Future<string>)[]): Promise<void> {
  for await (const future of asCompleted(futures)) {
    same<typeof future, Future<number>>(true);
    same<Awaited<typeof future>, number>(true);
  }
  for await (const each of asCompleted(mixed)) same<typeof each, Process | Thread | Future<string>>(true);
  const iterable: AsyncIterable<Future<number>> = asCompleted(futures);
  const { value, done } = await asCompleted(futures).next();
  if (done !== true) same<typeof value, Future<number>>(true);
  // @ts-expect-error -- numbers cannot be waited for
  asCompleted([1]);
  void iterable;
}
