/**
 * The files of the library in a child: what it needs to tell of an error is there whatever became of files.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test, type TestContext } from 'node:test';
import { Process } from 'multiproc';
import { clean, soon } from './process-support.js';

class Odd extends Error {
  override readonly name = 'Odd';
}

async function run(target: () => unknown): Promise<unknown> {
  const child = new Process({ target, stdio: 'ignore' });
  try {
    await child.start();
    return await soon(child.result(), 'the result');
  } finally {
    await child.join();
  }
}

/** With the family of the bundle brought up before the first count. */
const cleanly = (body: (t: TestContext) => Promise<void>) => clean(body, { warmUp: async () => void (await run(() => 0)) });

test(
  'A child tells of an error of a class of the user when it can open no file any more',
  cleanly(async () => {
    await assert.rejects(
      run(() => {
        try {
          for (;;) fs.openSync('/dev/null', 'r');
        } catch (error) {
          throw new Odd((error as NodeJS.ErrnoException).code);
        }
      }),
      (error: Error) => error instanceof Odd && error.message === 'EMFILE',
    );
  }),
);

for (const [what, other] of [
  ['nothing', undefined],
  ['a device', '/dev/zero'],
  ['a shorter file', '/proc/self/comm'],
  ['a folder', '/'],
] as const) {
  test(
    `A child tells of an error of a class of the user when ${what} is where the library had a file open`,
    cleanly(async () => {
      const closing = (path: string | undefined) => {
        const open = fs.readdirSync('/proc/self/fd').filter((fd) => {
          try {
            return fs.readlinkSync(`/proc/self/fd/${fd}`).endsWith('/rest-modules.cjs');
          } catch {
            return false;
          }
        });
        for (const fd of open) fs.closeSync(Number(fd));
        const taken = path === undefined ? undefined : fs.openSync(path, 'r');
        throw new Odd(`${open.length} ${taken === undefined || `${taken}` === open[0]}`);
      };
      await assert.rejects(
        run(() => closing(other)),
        (error: Error) => error instanceof Odd && error.message === '1 true',
      );
    }),
  );
}
