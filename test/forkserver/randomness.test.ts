import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ForkServerProcess, setForkserverPreload } from '#src/index.js';
import { forkserverState } from '#src/process/forkserver/fork-launcher.js';
import { withDeadline } from '../support/deadline.js';

type Numbers = Record<string, number | string>;
type Source = { drawNumbers?: () => Numbers };

const CHILDREN = 8;
const DRAWS = 20; // as the targets below have it

after(() => setForkserverPreload([]));

/** What `draws` children draw, each again and again. */
async function drawn(target: () => Numbers[]): Promise<Numbers[]> {
  const lists: Numbers[][] = [];
  for (let i = 0; i < CHILDREN; i++) {
    const child = new ForkServerProcess<[], Numbers[]>({ target, stdio: 'ignore' });
    await child.start();
    lists.push(await withDeadline(child.result(), 60_000, 'random numbers'));
    await child.join();
  }
  assert.deepEqual(forkserverState(), { variant: 'fork' });
  return lists.flat();
}

function allDiffer(draws: readonly Numbers[]): void {
  assert.equal(draws.length, CHILDREN * DRAWS);
  for (const source of Object.keys(draws[0] as Numbers)) {
    const values = draws.map((draw) => draw[source]);
    assert.equal(new Set(values).size, values.length, `${source} came twice`);
  }
}

test('No two children of the fork server draw the same random numbers', async () => {
  allDiffer(
    await drawn(() => {
      const { randomBytes, randomInt, randomUUID } = process.getBuiltinModule('node:crypto');
      return Array.from({ length: 20 }, () => ({
        random: Math.random(),
        uuid: randomUUID(),
        webUuid: globalThis.crypto.randomUUID(),
        int: randomInt(2 ** 47),
        bytes: randomBytes(16).toString('hex'),
        values: globalThis.crypto.getRandomValues(new Uint32Array(4)).join(),
      }));
    }),
  );
});

test('No two children draw the same random numbers where the preload has drawn from every source, and kept the functions', async () => {
  setForkserverPreload([new URL('../../test/fixtures/forkserver/draws-numbers.mjs', import.meta.url).href], { onError: 'fail' });
  allDiffer(
    await drawn(() => {
      const draw = (globalThis as Source).drawNumbers as () => Numbers;
      return Array.from({ length: 20 }, () => draw());
    }),
  );
});

test('No two children draw the same random numbers where the preload has frozen the methods of buffers, and the server forks', async () => {
  const preload = ['draws-numbers.mjs', 'freezes-buffers.mjs'];
  setForkserverPreload(
    preload.map((name) => new URL(`../../test/fixtures/forkserver/${name}`, import.meta.url).href),
    { onError: 'fail' },
  );
  allDiffer(
    await drawn(() => {
      const draw = (globalThis as Source).drawNumbers as () => Numbers;
      return Array.from({ length: 20 }, () => draw());
    }),
  );
});
