import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { currentProcess } from '#src/index.js';
import { eachKind, inChild, startChild } from '../support/kinds.js';
import { soon } from './process-support.js';

eachKind('the object shows its name, pids, state, and how it ended  [P-21]', async (kind, t) => {
  class Worker extends kind.Child {
    count = 7;
  }
  const unstarted = new Worker({ name: 'w', daemon: true });
  assert.equal(
    inspect(unstarted, { breakLength: Infinity }),
    `Worker { name: 'w', parentPid: ${process.pid}, state: 'initial', daemon: true, count: 7 }`,
  );
  const child = await startChild(kind, t, () => new Promise(() => setInterval(() => {}, 1000)), []);
  assert.match(inspect(child, { breakLength: Infinity }), /pid: \d+, parentPid: \d+, state: 'started', daemon: false/);
  child.kill();
  await soon(child.join(), 'join');
  assert.match(inspect(child), /state: 'stopped',\s+exitCode: -9,\s+signal: 'SIGKILL'/);
  child.close();
  assert.match(inspect(child), /state: 'closed'/);
});

eachKind('in a child the object of this process shows as started, with its parent  [P-21]', async (kind, t) => {
  const shown = await inChild(kind, t, () => inspect(currentProcess(), { breakLength: Infinity }));
  assert.match(shown, new RegExp(`^${kind.Child.name} { name: '.*', pid: \\d+, parentPid: ${process.pid}, state: 'started'`));
});

eachKind('args is any iterable, taken at construction  [_TestProcess.test_args_argument] [P-02]', async (kind, t) => {
  const show = (...args: unknown[]) => args;
  for (const [given, expected] of [
    [undefined, []],
    [[], []],
    [[1], [1]],
    [new Set([1, 2]), [1, 2]],
    [new Map([['a', 1]]).keys(), ['a']],
    [new Int8Array([3, 4]), [3, 4]],
  ] as const)
    assert.deepEqual(await inChildWith(given as never), expected);
  const list = [1, 2];
  const child = new kind.Child({ target: show, args: list, stdio: 'ignore' });
  list.push(3);
  await child.start();
  assert.deepEqual(await soon(child.result(), 'result'), [1, 2]);
  for (const bad of ['ab', 5, null, {}]) assert.throws(() => new kind.Child({ args: bad as never }), { name: 'TypeError' });

  async function inChildWith(args: unknown[]): Promise<unknown> {
    const each = await startChild(kind, t, show, args as never[]);
    return soon(each.result(), 'result');
  }
});

eachKind(
  'no default is shared between two objects  [TestBaseProcessKwargs.test_default_kwargs_not_shared_between_instances]',
  async (kind, t) => {
    const push = (...args: unknown[]) => args.push('mine');
    const [first, second] = [await startChild(kind, t, push, []), await startChild(kind, t, push, [])];
    assert.equal(await soon(first.result(), 'result'), 1);
    assert.equal(await soon(second.result(), 'result'), 1);
    const local = [new kind.Child({ target: push }), new kind.Child({ target: push })];
    assert.deepEqual(
      local.map((each) => each.run()),
      [1, 1],
    );
  },
);

eachKind(
  'a started object keeps neither target nor arguments alive  [_TestProcess.test_lose_target_ref] [P-02]',
  async (kind, t) => {
    const collect = (globalThis as { gc?: () => void }).gc ?? (await exposedGc());
    const make = async () => {
      const big = { data: new Uint8Array(1000) };
      const child = await startChild(kind, t, (given: object) => Object.keys(given).length, [big]);
      return { child, argument: new WeakRef(big) };
    };
    const { child, argument } = await make();
    assert.equal(await soon(child.result(), 'result'), 1);
    for (let i = 0; i < 100 && argument.deref() !== undefined; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    assert.equal(argument.deref(), undefined);
    assert.throws(() => child.run(), { name: 'InvalidStateError', message: /was given to the process/ });
  },
);

async function exposedGc(): Promise<() => void> {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
