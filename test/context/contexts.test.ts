import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  Client,
  type Context,
  getAllStartMethods,
  getContext,
  getLogger,
  getStartMethod,
  Listener,
  Lock,
  logToStderr,
  parentProcess,
  Pool,
  Process,
  ProcessPoolExecutor,
  Queue,
  setForkserverPreload,
  setStartMethod,
  type StartMethod,
  SpawnContext,
  SpawnProcess,
  Thread,
  ThreadPool,
  ThreadPoolExecutor,
} from '#src/index.js';
import { forkserverPreload } from '#src/process/forkserver-preload.js';
import { cleanForked as clean } from '../forkserver/forkserver-support.js';
import { program, soon } from '../process/process-support.js';

const METHODS = getAllStartMethods();

/** The choice is taken back after the test. */
function unchosen(t: TestContext): void {
  const takeBack = () => setStartMethod(null, { force: true });
  takeBack();
  t.after(takeBack);
}

/** By which method the children of this context say that they were started. */
async function methodInChild({ Pipe, Process: ContextProcess }: Pick<Context, 'Pipe' | 'Process'>): Promise<StartMethod> {
  const [reader, writer] = Pipe<StartMethod>({ duplex: false });
  const child = new ContextProcess({ target: () => writer.send(getStartMethod()), stdio: 'ignore' });
  await child.start();
  writer.close();
  const method = await soon(reader.recv(), 'the start method of the child');
  reader.close();
  await soon(child.join(), 'join');
  child.close();
  return method;
}

for (const method of METHODS) {
  test(
    `getContext('${method}') has this start method for ever, and so have its children  [TestStartMethod.test_context] [M-20, S-01, S-02]`,
    clean(async (t) => {
      unchosen(t);
      const context = getContext(method);
      assert.equal(context.getStartMethod(), method);
      assert.equal(context.getContext(), context);
      assert.equal(context.getContext(method), context);
      assert.equal(getContext(method), context);
      assert.throws(() => context.setStartMethod('spawn'), { name: 'InvalidStateError' });
      assert.throws(() => context.setStartMethod(null), { name: 'InvalidStateError' });
      assert.equal(await methodInChild(context), method);
    }),
  );

  test(
    `setStartMethod('${method}') is what getStartMethod(), getContext() and new Process() go by  [TestStartMethod.test_set_get] [M-21, M-22, S-03, B-01]`,
    clean(async (t) => {
      unchosen(t);
      setStartMethod(method);
      assert.equal(getStartMethod(), method);
      assert.equal(getStartMethod({ allowNone: true }), method);
      assert.equal(getContext(), getContext(method));
      assert.match(getContext().constructor.name.toLowerCase(), new RegExp(`^${method}`));
      const { Pipe } = getContext();
      assert.equal(await methodInChild({ Pipe, Process }), method);
    }),
  );
}

test('A context has the classes and factories that know no start method, as they are  [M-20, M-28]', () => {
  for (const method of METHODS) {
    const context = getContext(method);
    assert.deepEqual(
      [context.Client, context.Listener, context.Queue, context.Thread, context.getLogger, context.logToStderr],
      [Client, Listener, Queue, Thread, getLogger, logToStderr],
    );
  }
});

test(
  'Processes, pools and executors of an explicit context leave the choice of the program open  [TestStartMethod.test_spawn_dont_set_context] [S-10]',
  clean(async (t) => {
    unchosen(t);
    for (const method of METHODS) {
      const context = getContext(method);
      await methodInChild(context);
      assert.equal(getStartMethod({ allowNone: true }), null);
      const pool = new context.Pool(1);
      assert.equal(
        await soon(
          pool.apply(() => getStartMethod()),
          'the start method of a worker',
        ),
        method,
      );
      await pool.terminate();
      const executor = new context.ProcessPoolExecutor({ maxWorkers: 1 });
      assert.equal(
        await soon(
          executor.submit(() => getStartMethod()),
          'the start method of a worker',
        ),
        method,
      );
      await executor.shutdown();
      assert.equal(getStartMethod({ allowNone: true }), null);
    }
  }),
);

for (const [what, make] of [
  ['getStartMethod()', () => getStartMethod()],
  ['getContext()', () => getContext()],
  ['a started Process', () => started()],
  ['a Pool', () => new Pool(1).terminate()],
  ['a ProcessPoolExecutor', () => new ProcessPoolExecutor({ maxWorkers: 1 }).shutdown()],
] as const) {
  test(
    `The default becomes the choice of the program by ${what}; only { force: true } changes a choice  [M-20, M-21, M-22]`,
    clean(async (t) => {
      unchosen(t);
      assert.equal(getStartMethod({ allowNone: true }), null);
      await make();
      const chosen = getStartMethod({ allowNone: true });
      assert.equal(chosen, METHODS[0]);
      assert.throws(() => setStartMethod('spawn'), { name: 'InvalidStateError', message: /already been set to '\w+'/ });
      assert.throws(() => setStartMethod(null), { name: 'InvalidStateError' });
      setStartMethod('spawn', { force: true });
      assert.equal(getStartMethod(), 'spawn');
      setStartMethod(null, { force: true });
      assert.equal(getStartMethod({ allowNone: true }), null);
    }),
  );
}

async function started(): Promise<void> {
  const child = new Process({ stdio: 'ignore' });
  await child.start();
  await child.join();
}

test(
  'A thread has the choice of its program, and none if there is none',
  clean(async (t) => {
    unchosen(t);
    const ask = async () => {
      const thread = new Thread({ target: () => getStartMethod({ allowNone: true }), stdio: 'ignore' });
      await thread.start();
      return soon(thread.result(), 'result');
    };
    assert.equal(await ask(), null);
    assert.equal(getStartMethod({ allowNone: true }), null);
    setStartMethod('spawn');
    assert.equal(await ask(), 'spawn');
  }),
);

test('getAllStartMethods() has the default first and no fork; asking makes no choice  [TestStartMethod.test_get_all_start_methods] [M-23]', (t) => {
  unchosen(t);
  assert.equal(METHODS[0], 'spawn');
  assert.deepEqual(METHODS.toSorted(), METHODS.length === 1 ? ['spawn'] : ['forkserver', 'spawn']);
  assert.equal(getStartMethod({ allowNone: true }), null);
});

test('fork is refused wherever it can be asked for, with the reason and the method to use instead  [S-05, fault 79]', () => {
  const refused = { name: 'RangeError', message: /timers.*use 'forkserver'.*received 'fork'/ };
  assert.throws(() => getContext('fork'), refused);
  assert.throws(() => getContext('spawn').getContext('fork'), refused);
  assert.throws(() => setStartMethod('fork', { force: true }), refused);
  assert.throws(() => new Process({ context: 'fork' }), refused);
  assert.throws(() => new Pool({ context: 'fork' }), refused);
  assert.throws(() => new ProcessPoolExecutor({ context: 'fork' }), refused);
});

test('What is no start method is refused with its name, and changes nothing  [M-20, M-22]', (t) => {
  unchosen(t);
  const unknown = { name: 'RangeError', message: /start methods here are spawn.*received 'x'/ };
  const bad = 'x' as StartMethod;
  assert.throws(() => getContext(bad), unknown);
  assert.throws(() => setStartMethod(bad), unknown);
  assert.throws(() => new Process({ context: bad }), unknown);
  assert.throws(() => new Pool({ context: bad }), unknown);
  assert.throws(() => new ProcessPoolExecutor({ context: bad }), unknown);
  assert.throws(() => new Process({ context: 1 as never }), { name: 'TypeError', message: /received 1/ });
  assert.throws(() => new Pool({ context: {} as never }), { name: 'TypeError' });
  assert.throws(() => setStartMethod(7 as never), { name: 'TypeError', message: /received 7/ });
  assert.equal(getStartMethod({ allowNone: true }), null);
});

test('Threads have no start method: a context is refused', () => {
  const refused = { name: 'TypeError', message: /received a context/ };
  assert.throws(() => new Thread({ context: 'spawn' }), refused);
  assert.throws(() => new ThreadPool({ context: 'spawn' }), refused);
  assert.throws(() => new ThreadPoolExecutor({ context: 'spawn' } as object), refused);
});

test('setForkserverPreload() takes an array of strings and a known onError; it is the same from every context  [TestStartMethod.test_context_check_module_types] [M-25]', (t) => {
  t.after(() => setForkserverPreload([]));
  for (const bad of [[1, 2, 3], 'path', undefined])
    assert.throws(() => getContext('spawn').setForkserverPreload(bad as never), {
      name: 'TypeError',
      message: /modules must be an array of strings/,
    });
  assert.throws(() => setForkserverPreload(['a'], { onError: 'panic' as never }), { name: 'RangeError', message: /panic/ });
  getContext('spawn').setForkserverPreload(['a', 'b'], { onError: 'warn' });
  assert.deepEqual(forkserverPreload(), { modules: ['a', 'b'], onError: 'warn' });
});

test(
  'Shared objects made by one context serve the children of every other  [TestStartMethod.test_mixed_startmethod] [S-07, S-08]',
  clean(async (t) => {
    unchosen(t);
    for (const queueMethod of METHODS) {
      for (const processMethod of METHODS) {
        const from = getContext(queueMethod);
        const queue = new from.Queue<string>();
        const lock = new from.Lock();
        const child = new (getContext(processMethod).Process)({
          target: async () => {
            await lock.run(() => queue.put(getStartMethod()));
          },
          stdio: 'ignore',
        });
        await child.start();
        assert.equal(await soon(queue.get(), 'item'), processMethod);
        await soon(child.join(), 'join');
        child.close();
        queue.close();
      }
    }
  }),
);

test(
  'A child hands the shared objects it was given to a child of its own  [TestStartMethod.test_nested_startmethod]',
  clean(async (t) => {
    unchosen(t);
    for (const method of METHODS) {
      const queue = new Queue<[string, string | undefined]>();
      const outer = new (getContext(method).Process)({
        name: 'outer',
        args: [queue],
        target: async (given: Queue<[string, string | undefined]>) => {
          const inner = new Process({
            name: 'inner',
            args: [given],
            target: (last: Queue<[string, string | undefined]>) => last.put([getStartMethod(), parentProcess()?.name]),
          });
          await inner.start();
          await inner.join();
        },
        stdio: 'ignore',
      });
      await outer.start();
      assert.deepEqual(await soon(queue.get(), 'item'), [method, 'outer']);
      await soon(outer.join(), 'join');
      outer.close();
      queue.close();
    }
  }),
);

test(
  'A context that a function captures is that of its start method in the child; its classes are those of the library  [S-01, Z-01, Z-02]',
  clean(async (t) => {
    unchosen(t);
    const context = getContext('spawn');
    assert.ok(context instanceof SpawnContext);
    assert.equal(context.Process, SpawnProcess);
    assert.equal(context.Lock, Lock);
    assert.equal(context.Pool.name, 'Pool');
    const child = new context.Process({
      target: () => [context.getStartMethod(), context === getContext('spawn'), new context.Lock() instanceof Lock],
      stdio: 'ignore',
    });
    assert.match(child.name, /^SpawnProcess-\d+$/);
    assert.ok(child instanceof Process);
    await child.start();
    assert.deepEqual(await soon(child.result(), 'result'), ['spawn', true, true]);
  }),
);

test('Contexts have everything of the library that Python’s contexts have  [S-01]', () => {
  const names = (
    'Process Pipe Queue JoinableQueue SimpleQueue Lock RLock Semaphore BoundedSemaphore Condition Event Barrier Value Array ' +
    'RawValue RawArray Pool cpuCount currentProcess parentProcess activeChildren getContext getStartMethod setStartMethod ' +
    'getAllStartMethods setExecutable setForkserverPreload ProcessError BufferTooShortError TimeoutError AuthenticationError'
  ).split(' ');
  for (const method of METHODS) {
    const context = getContext(method);
    assert.deepEqual(
      names.filter((name) => typeof (context as unknown as Record<string, unknown>)[name] !== 'function'),
      [],
    );
  }
});

test(
  'Without a folder for temporary files the default start method is the same, and children start  [TestStartMethod.test_default_start_method_without_usable_tempdir]',
  clean(async (t) => {
    const env = { TMPDIR: '/nowhere/at/all' };
    const end = await program(t, 'starts-by-default.mjs', [], { env }).end();
    assert.deepEqual(end, { code: 0, stdout: 'spawn\nspawn\n', stderr: '' });
  }),
);

test(
  'Importing the library, and looking at all it has, makes no choice  [TestStartMethod.test_import_does_not_determine_default_start_method]',
  clean(async (t) => {
    const end = await program(t, 'imports.mjs').end();
    assert.deepEqual(end, { code: 0, stdout: 'null\nspawn\nspawn\n', stderr: '' });
  }),
);
