/**
 * A deadline for a test's wait that says, when it runs out, what every process and thread of the family hangs in.
 *
 * Runs in the test process.
 */
import { describeFamily } from './family.js';

/** Settles as `promise` does; rejects with the state of the whole process family when `ms` milliseconds were not enough. */
export async function withDeadline<T>(promise: PromiseLike<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms\n${describeFamily()}`)), ms);
  });
  try {
    return await Promise.race([promise, expiry]);
  } finally {
    clearTimeout(timer);
  }
}
