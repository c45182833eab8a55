/**
 * Python's tests of processes, with every kind of child.
 *
 * Runs in the test process.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { activeChildren, currentProcess, Event, parentProcess, Process, Queue, Value, waitReady } from '#src/index.js';
import { eachKind, inChild, startChild } from '../support/kinds.js';
import { Lines, soon } from './process-support.js';

const idle = (ready: Event) => {
  ready.set();
  return new Promise<void>(() => setInterval(() => {}, 1e6));
};
const busy = (ready: Event) => {
  ready.set();
  for (;;);
};

eachKind(
  'currentProcess() here and in a child: name, pid, alive, no daemon, no exit code, key  [_TestProcess.test_current]',
  async (kind, t) => {
    const look = () => {
      const { name, pid, daemon, exitCode, authKey } = currentProcess();
      return { name, pid, daemon, exitCode, key: authKey.length, alive: currentProcess().isAlive(), real: process.pid };
    };
    const here = look();
    assert.deepEqual(here, {
      name: 'MainProcess',
      pid: process.pid,
      daemon: false,
      exitCode: null,
      key: 32,
      alive: true,
      real: process.pid,
    });
    const child = await startChild(kind, t, look, []);
    assert.deepEqual(await soon(child.result(), 'result'), { ...here, name: child.name, pid: child.pid, real: child.pid });
  },
);

eachKind('the life of a child, seen from its parent  [_TestProcess.test_process]', async (kind, t) => {
  const seen = new Queue<unknown[]>();
  const go = new Event();
  t.after(() => seen.close());
  const target = async (...args: unknown[]) => {
    const { name, pid, authKey } = currentProcess();
    await seen.put([args, name, pid, authKey]);
    await go.wait();
  };
  const child = new kind.Child({ target, args: [1, 'two', { three: 3n }], name: 'SomeProcess', daemon: true, stdio: 'ignore' });
  assert.deepEqual(
    [child.isAlive(), child.done(), child.exitCode, child.pid, child.daemon],
    [false, false, null, undefined, true],
  );
  assert.equal(activeChildren().includes(child), false);
  await child.start();
  t.after(() => child.close());
  assert.deepEqual([child.isAlive(), child.done(), child.exitCode], [true, false, null]);
  assert.equal(activeChildren().includes(child), true);
  assert.deepEqual(await soon(seen.get(), 'what the child sees'), [
    [1, 'two', { three: 3n }],
    'SomeProcess',
    child.pid,
    currentProcess().authKey,
  ]);
  go.set();
  await soon(child.join(), 'join');
  assert.deepEqual([child.isAlive(), child.done(), child.exitCode], [false, true, 0]);
  assert.equal(activeChildren().includes(child), false);
});

eachKind('daemon is that of the creator unless it is given  [_TestProcess.test_daemon_argument] [P-05]', async (kind, t) => {
  for (const [given, expected] of [
    [undefined, currentProcess().daemon],
    [true, true],
    [false, false],
  ] as const)
    assert.equal(new kind.Child({ daemon: given }).daemon, expected);
  const child = new kind.Child({ stdio: 'ignore', target: () => [currentProcess().daemon, new Process().daemon] });
  child.daemon = true;
  await child.start();
  t.after(() => child.close());
  assert.throws(() => (child.daemon = false), { name: 'InvalidStateError' });
  assert.deepEqual(await soon(child.result(), 'result'), [true, true]);
});

eachKind(
  'parentProcess() is null in a main program; in a child it has name and pid of its parent  [_TestProcess.test_parent_process_attributes] [M-18]',
  async (kind, t) => {
    assert.equal(parentProcess(), null);
    const seen = await inChild(kind, t, () => {
      const parent = parentProcess();
      return [parent?.name, parent?.pid, parent?.isAlive()];
    });
    assert.deepEqual(seen, ['MainProcess', process.pid, true]);
  },
);

eachKind('interrupt() runs the handler of the child, which ends as it likes  [_TestProcess.test_interrupt]', async (kind, t) => {
  const ready = new Event();
  const child = await startChild(
    kind,
    t,
    () =>
      new Promise((resolve) => {
        const timer = setInterval(() => {}, 1e6);
        process.once('SIGINT', () => {
          clearInterval(timer);
          resolve('interrupted');
        });
        ready.set();
      }),
    [],
  );
  await soon(ready.wait(), 'ready');
  child.interrupt();
  assert.equal(await soon(child.result(), 'result'), 'interrupted');
  assert.equal(child.exitCode, 0);
});

for (const [act, code, ported] of [
  ['interrupt', -2, '[_TestProcess.test_interrupt_no_handler]'],
  ['terminate', -15, '[_TestProcess.test_terminate]'],
  ['kill', -9, '[_TestProcess.test_kill]'],
] as const) {
  eachKind(`${act}() ends an idle and a busy child with exit code ${code}, and join() resolves  ${ported}`, async (kind, t) => {
    for (const target of [idle, busy]) {
      const ready = new Event();
      const child = await startChild(kind, t, target, [ready]);
      await soon(ready.wait(), 'ready');
      assert.deepEqual([child.isAlive(), child.exitCode], [true, null]);
      await assert.rejects(child.join(0), { name: 'TimeoutError' });
      child[act]();
      await soon(child.join(), act);
      assert.deepEqual(
        [child.isAlive(), child.exitCode, await child.result(), await child.exception()],
        [false, code, undefined, null],
      );
      assert.equal(activeChildren().includes(child), false);
    }
  });
}

eachKind(
  'activeChildren() has a child from its start to its end  [_TestProcess.test_active_children] [M-19]',
  async (kind, t) => {
    const go = new Event();
    const target = () => go.wait();
    const child = new kind.Child({ target, stdio: 'ignore' });
    assert.equal(activeChildren().includes(child), false);
    await child.start();
    t.after(() => child.close());
    assert.equal(activeChildren().filter((each) => each === child).length, 1);
    go.set();
    await soon(child.join(), 'join');
    assert.equal(activeChildren().includes(child), false);
  },
);

eachKind('children have children who have children  [_TestProcess.test_recursion]', async (kind, t) => {
  const seen = new Queue<number[]>();
  t.after(() => seen.close());
  const { Child } = kind;
  const visit = async (path: number[]): Promise<void> => {
    await seen.put(path);
    if (path.length === 2) return;
    for (const i of [0, 1]) {
      const child = new Child({ target: visit, args: [[...path, i]] });
      await child.start();
      await child.join();
    }
  };
  const first = await startChild(kind, t, visit, [[]]);
  await soon(first.join(), 'join');
  const paths: number[][] = [];
  for (let next = seen.tryGet(); next !== null; next = seen.tryGet()) paths.push(next.value);
  assert.deepEqual(paths, [[], [0], [0, 0], [0, 1], [1], [1, 0], [1, 1]]);
});

eachKind('sentinel becomes ready with the end, and only then  [_TestProcess.test_sentinel] [P-16]', async (kind, t) => {
  assert.throws(() => new kind.Child().sentinel, { name: 'InvalidStateError' });
  const go = new Event();
  const child = await startChild(kind, t, () => go.wait(), []);
  const { sentinel } = child;
  assert.deepEqual(await waitReady([sentinel], 20), []);
  go.set();
  assert.deepEqual(await soon(waitReady([sentinel]), 'ready'), [sentinel]);
  assert.equal(child.exitCode, 0);
  await child.join();
});

eachKind('close() gives back an ended child, and only an ended one  [_TestProcess.test_close] [P-20]', async (kind, t) => {
  const go = new Event();
  const child = new kind.Child({ target: () => go.wait(), stdio: 'ignore' });
  await child.start();
  assert.equal(child.isAlive(), true);
  assert.throws(() => child.close(), { name: 'InvalidStateError' });
  go.set();
  await soon(child.join(), 'join');
  assert.deepEqual([child.isAlive(), child.exitCode], [false, 0]);
  child.close();
  assert.throws(() => child.isAlive(), { name: 'ClosedError' });
  assert.throws(() => child.terminate(), { name: 'ClosedError' });
  await assert.rejects(child.join(), { name: 'ClosedError' });
  child.close();
  assert.equal(t.name.startsWith(kind.name), true);
});

eachKind('many at once: they end by themselves, or are ended  [_TestProcess.test_many_processes]', async (kind, t) => {
  const COUNT = 6;
  const start = (target: (ready: Event) => unknown, readies: Event[]) =>
    Promise.all(readies.map((ready) => startChild(kind, t, target, [ready])));
  const events = () => Array.from({ length: COUNT }, () => new Event());
  const quick = await start((ready) => ready.set(), events());
  await soon(Promise.all(quick.map((child) => child.join())), 'joins');
  assert.deepEqual(
    quick.map((child) => child.exitCode),
    Array(COUNT).fill(0),
  );
  const readies = events();
  const endless = await start(idle, readies);
  await soon(Promise.all(readies.map((ready) => ready.wait())), 'all are ready');
  for (const [i, child] of endless.entries()) child[i % 2 === 0 ? 'terminate' : 'kill']();
  await soon(Promise.all(endless.map((child) => child.join())), 'joins');
  assert.deepEqual(
    endless.map((child) => child.exitCode),
    endless.map((_, i) => (i % 2 === 0 ? -15 : -9)),
  );
});

eachKind(
  'a later child has no more file descriptors than an earlier one  [_TestProcess.test_child_fd_inflation]',
  async (kind, t) => {
    const counted = new Queue<number>();
    const go = new Event();
    t.after(() => counted.close());
    const count = async () => {
      await counted.put(readdirSync('/proc/self/fd').length);
      await go.wait();
    };
    const children = [];
    for (let i = 0; i < 5; i++) children.push(await startChild(kind, t, count, []));
    const counts = new Set<number>();
    for (const _ of children) counts.add(await soon(counted.get(), 'a count'));
    go.set();
    await soon(Promise.all(children.map((child) => child.join())), 'joins');
    assert.equal(counts.size, 1, `${[...counts].join()}`);
  },
  ({ separate }) => separate,
);

eachKind(
  'a child whose target is over waits for its threads, for those that are daemons it does not  [_TestProcess.test_wait_for_threads] [B-09]',
  async (kind, t) => {
    const [returned, go] = [new Event(), new Event()];
    const done = new Value('i', 0);
    const child = await startChild(
      kind,
      t,
      async () => {
        const { Thread } = await import('#src/index.js');
        const work = async () => {
          await go.wait();
          done.add(1);
        };
        const never = () => new Promise<void>(() => setInterval(() => {}, 1e6));
        await new Thread({ target: work }).start();
        await new Thread({ target: never, daemon: true }).start();
        returned.set();
      },
      [],
    );
    await soon(returned.wait(), 'the target is over');
    await assert.rejects(child.join(50), { name: 'TimeoutError' });
    assert.equal(done.value, 0);
    go.set();
    await soon(child.join(), 'join');
    assert.deepEqual([child.exitCode, done.value], [0, 1]);
  },
);

for (const [stream, ported] of [
  ['stdout', '[_TestProcess.test_error_on_stdio_flush_1]'],
  ['stderr', '[_TestProcess.test_error_on_stdio_flush_2]'],
] as const) {
  eachKind(`a child whose ${stream} is broken or gone ends as always  ${ported}`, async (kind, t) => {
    const breakIt = (how: string) => {
      const old = process[stream];
      old.write('before\n');
      if (how === 'gone') Object.defineProperty(process, stream, { value: undefined, configurable: true });
      else if (how === 'destroyed') old.destroy();
      else if (how === 'never calls back') old.write = () => true;
      else
        old.write = () => {
          throw new Error('broken');
        };
      return how;
    };
    for (const how of ['gone', 'destroyed', 'throws', 'never calls back']) {
      const child = await startChild(kind, t, breakIt, [how]);
      assert.equal(await soon(child.result(), how), how);
      assert.equal(child.exitCode, 0);
    }
  });
}

eachKind(
  'a subclass serves its parent over connections that are its fields  [_TestSubclassingProcess.test_subclassing] [P-09, P-11]',
  async (kind, t) => {
    const { Child } = kind;
    const { Pipe } = await import('#src/index.js');
    class UpperCaser extends Child {
      readonly #parent;
      readonly child;
      constructor() {
        super({ stdio: 'ignore' });
        [this.#parent, this.child] = Pipe<string>();
      }
      override async run() {
        for await (const text of this.child) await this.child.send(text.toUpperCase());
      }
      async submit(text: string) {
        await this.#parent.send(text);
        return this.#parent.recv();
      }
      stop() {
        this.#parent.close();
        this.child.close();
      }
    }
    const server = new UpperCaser();
    server.daemon = true;
    await server.start();
    t.after(() => server.close());
    assert.equal(await soon(server.submit('hello'), 'answer'), 'HELLO');
    assert.equal(await soon(server.submit('world'), 'answer'), 'WORLD');
    server.stop();
    await soon(server.join(), 'join');
    assert.equal(server.exitCode, 0);
  },
);

eachKind(
  'an error of the target is on stderr once, with its stack, before join() rejects with it  [_TestSubclassingProcess.test_stderr_flush] [P-27, Z-14, Z-18]',
  async (kind, t) => {
    const fails = () => {
      throw new RangeError('a marked error');
    };
    const child = await startChild(kind, t, fails, [], { stdio: 'pipe' });
    const text = new Lines(child.stderr as NonNullable<typeof child.stderr>);
    await assert.rejects(soon(child.join(), 'join'), { name: 'RangeError', message: 'a marked error' });
    const [first, ...rest] = (await text.all()).split('\n');
    assert.equal(first, `Exception in ${child.name}: RangeError: a marked error`);
    assert.match(rest[0] as string, /^ {4}at fails .*python-process\.test/);
    assert.equal(rest.join('\n').includes('a marked error'), false);
    assert.equal(child.exitCode, 1);
  },
);

eachKind(
  'process.exit() in a child: its exit codes, without a word  [_TestSubclassingProcess.test_sys_exit] [P-24, P-25]',
  async (kind, t) => {
    for (const [given, code] of [
      [undefined, 0],
      [0, 0],
      [7, 7],
      ['8', 8],
    ] as const) {
      const child = await startChild(kind, t, (value?: number | string) => process.exit(value), [given], { stdio: 'pipe' });
      const text = new Lines(child.stderr as NonNullable<typeof child.stderr>);
      const error = await soon(child.exception(), 'the end');
      assert.deepEqual([child.exitCode, (error as Error | null)?.name], [code, code === 0 ? undefined : 'ProcessDiedError']);
      assert.equal(await text.all(), '');
    }
  },
);
