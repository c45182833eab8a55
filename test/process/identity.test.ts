import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import {
  cpuCount,
  currentProcess,
  InvalidStateError,
  parentProcess,
  Process,
  ProcessPoolExecutor,
  TimeoutError,
} from '#src/index.js';
import { cpuQuota } from '#src/process/cpu-count.js';
import { clean, folder, Lines, program, soon, started } from './process-support.js';

class Worker extends Process {
  base = 40;
  log: string[] = [];
  readonly extra: number;
  constructor(extra: number) {
    super({ stdio: 'ignore' });
    this.extra = extra;
  }
  override run(): unknown {
    this.log.push('ran');
    return [
      this.base + this.extra,
      currentProcess() === this,
      this instanceof Worker,
      this.constructor === Worker,
      this.name,
      this.pid === process.pid,
      this.log,
    ];
  }
}

class Quiet extends Process {
  static override handleException(error: unknown): void {
    console.error(`hook of ${currentProcess().name}: ${(error as Error).message}`);
  }
  override run(): never {
    throw new TypeError('in run');
  }
}

test(
  'Process subclass: run() and the own fields travel; in the child currentProcess() is this; the parent keeps its own  [P-09, P-11]',
  clean(async (t) => {
    const p = new Worker(2);
    p.base = 50;
    await p.start();
    t.after(() => p.close());
    assert.deepEqual(await soon(p.result(), 'result'), [52, true, true, true, p.name, true, ['ran']]);
    assert.deepEqual(p.log, []);
    assert.match(p.name, /^Worker-\d+$/);
  }),
);

test(
  'Process subclass: run() may call super.run(), which calls the target',
  clean(async () => {
    class Doubled extends Process<[number], number> {
      override run(): unknown {
        return [super.run(), super.run()];
      }
    }
    const p = new Doubled({ target: (x) => x + 1, args: [1], stdio: 'ignore' });
    await p.start();
    assert.deepEqual(await soon(p.result(), 'result'), [2, 2]);
  }),
);

test(
  'Process.run() called in the parent runs there  [P-09]',
  clean(() => {
    assert.equal(new Process({ target: (x: number) => x + process.pid, args: [1] }).run(), process.pid + 1);
    assert.equal(
      new Process({
        target: function (this: unknown) {
          return this;
        },
      }).run(),
      undefined,
    );
  }),
);

test(
  'Process.handleException() of a subclass runs in the child instead of the default; join() still has the error  [Z-14]',
  clean(async () => {
    const p = new Quiet({ stdio: 'pipe' });
    await p.start();
    const text = await new Lines(p.stderr as NonNullable<typeof p.stderr>).all();
    assert.equal(text, `hook of ${p.name}: in run\n`);
    await assert.rejects(soon(p.join(), 'join'), TypeError);
    assert.equal(p.exitCode, 1);
  }),
);

test(
  'Process.handleException() that throws or exits itself loses no error',
  clean(async (t) => {
    class Throws extends Process {
      static override handleException(): void {
        throw new RangeError('in the hook');
      }
    }
    class Exits extends Process {
      static override handleException(): void {
        process.exit(6);
      }
    }
    for (const [SubClass, code] of [
      [Throws, 1],
      [Exits, 6],
    ] as const) {
      const p = new SubClass({ target: () => Promise.reject(new TypeError('mine')), stdio: 'pipe' });
      await p.start();
      t.after(() => p.close());
      const text = new Lines(p.stderr as NonNullable<typeof p.stderr>);
      await assert.rejects(soon(p.join(), 'join'), TypeError);
      assert.equal(p.exitCode, code);
      if (SubClass === Throws) assert.match(await text.all(), /in the hook/);
    }
  }),
);

test(
  'Names count constructions with the class name, in children after the path of the parent; a falsy name is none  [P-03]',
  clean(async (t) => {
    const names = await program(t, 'names.mjs').value<Record<string, unknown>>('names');
    assert.deepEqual(names, {
      first: 'Process-1',
      unstarted: 'Process-2',
      worker: 'Worker-3',
      given: 'mine',
      empty: 'Process-5',
      anonymous: 'Process-6',
      child: {
        own: 'Process-1',
        nested: 'Process-1:1',
        nestedWorker: 'Worker-1:2',
        grandchild: ['Process-1:1', 'Process-1', 'Process-1:1:1'],
        parent: 'MainProcess',
      },
      main: 'MainProcess',
    });
  }),
);

test(
  'Process.name may be set; renaming before the start is what the child sees, renaming in the child is not seen by the parent  [P-04]',
  clean(async (t) => {
    const p = new Process({
      stdio: 'ignore',
      target: () => {
        const before = currentProcess().name;
        currentProcess().name = 'renamed';
        return [before, currentProcess().name];
      },
    });
    p.name = 'given';
    await p.start();
    t.after(() => p.close());
    assert.deepEqual(await soon(p.result(), 'result'), ['given', 'renamed']);
    assert.equal(p.name, 'given');
  }),
);

test(
  'currentProcess() of a main program is MainProcess: alive, with a pid, and not to be started, joined or killed  [P-13, P-31]',
  clean(async () => {
    const main = currentProcess();
    assert.equal(main, currentProcess());
    assert.deepEqual(
      [main.name, main.pid, main.isAlive(), main.exitCode, main.daemon],
      ['MainProcess', process.pid, true, null, false],
    );
    for (const wait of [() => main.start(), () => main.join(), () => main.result()])
      await assert.rejects(wait, InvalidStateError);
    for (const act of [() => main.sentinel, () => main.terminate(), () => main.kill()]) assert.throws(act, InvalidStateError);
    main.close();
    assert.equal(currentProcess().isAlive(), true);
    assert.equal(parentProcess(), null);
  }),
);

test(
  'currentProcess() of a child cannot be started or joined in it',
  clean(async (t) => {
    const p = await started(t, {
      target: async () => {
        const me = currentProcess();
        const errors = await Promise.all(
          [me.start(), me.join()].map((wait) =>
            wait.then(
              () => 'resolved',
              (error: Error) => error.name,
            ),
          ),
        );
        return [...errors, me.isAlive(), me.pid === process.pid];
      },
    });
    assert.deepEqual(await soon(p.result(), 'result'), ['InvalidStateError', 'InvalidStateError', true, true]);
  }),
);

test(
  'parentProcess() in a child has name and pid of the parent, is alive, and join() waits for its end only  [P-30]',
  clean(async (t) => {
    const p = await started(t, {
      target: async () => {
        const parent = parentProcess();
        const joined = await parent?.join(20).catch((error: Error) => error.name);
        const aborted = await parent
          ?.join({ signal: AbortSignal.abort(new Error('enough')) })
          .catch((error: Error) => error.message);
        return [parent === parentProcess(), parent?.name, parent?.pid, parent?.isAlive(), joined, aborted];
      },
    });
    assert.deepEqual(await soon(p.result(), 'result'), [true, 'MainProcess', process.pid, true, TimeoutError.name, 'enough']);
  }),
);

test(
  'Process.authKey is 32 random bytes that children inherit; it can be set  [P-07]',
  clean(async (t) => {
    const p = await started(t, { target: () => currentProcess().authKey });
    assert.equal(p.authKey.length, 32);
    assert.deepEqual(Buffer.from(await soon(p.result(), 'result')), Buffer.from(p.authKey));
    const q = new Process({ target: () => currentProcess().authKey, stdio: 'ignore' });
    q.authKey = new Uint8Array([1, 2, 3]);
    await q.start();
    assert.deepEqual([...(await soon(q.result(), 'result'))], [1, 2, 3]);
  }),
);

test(
  'cpuCount() is at least 1 and follows the affinity mask and no more than the machine has  [_TestProcess.test_cpu_count] [M-16]',
  clean(async (t) => {
    assert.ok(cpuCount() >= 1 && cpuCount() <= availableParallelism());
    const { Program, fixture } = await import('./process-support.js');
    const one = new Program(t, 'taskset', ['-c', '0', process.execPath, fixture('cpu-count.mjs')]);
    assert.equal(await one.value<number>('cpus'), 1);
  }),
);

test(
  'cpuQuota() is the strictest quota on the way from the control group of the process to the root, of both versions',
  clean((t) => {
    const cases: [Record<string, string>, number][] = [
      [{}, Number.POSITIVE_INFINITY],
      [{ 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '150000 100000\n' }, 1.5],
      [
        {
          'proc/self/cgroup': '0::/a/b\n',
          'sys/fs/cgroup/a/b/cpu.max': 'max 100000\n',
          'sys/fs/cgroup/a/cpu.max': '50000 100000\n',
        },
        0.5,
      ],
      [{ 'proc/self/cgroup': '0::/docker/x\n', 'sys/fs/cgroup/cpu.max': '200000 100000\n' }, 2],
      [
        {
          'proc/self/cgroup': '3:cpu,cpuacct:/a\n1:name=systemd:/\n',
          'sys/fs/cgroup/cpu/a/cpu.cfs_quota_us': '300000\n',
          'sys/fs/cgroup/cpu/a/cpu.cfs_period_us': '100000\n',
        },
        3,
      ],
      [
        {
          'proc/self/cgroup': '3:cpu:/\n',
          'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
          'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        },
        Number.POSITIVE_INFINITY,
      ],
      [{ 'proc/self/cgroup': 'nonsense', 'sys/fs/cgroup/cpu.max': 'garbage' }, Number.POSITIVE_INFINITY],
    ];
    for (const [files, quota] of cases) {
      const root = `${folder(t)}/`;
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(root, name)), { recursive: true });
        writeFileSync(join(root, name), text);
      }
      assert.equal(cpuQuota(root), quota, JSON.stringify(files));
    }
  }),
);

class Point {
  readonly x: number;
  constructor(x: number) {
    this.x = x;
  }
  doubled(): number {
    return this.x * 2;
  }
}

test(
  'a class as target means new, and its instance comes back as one of the very class',
  clean(async () => {
    const child = new Process({ target: Point as never, args: [4] });
    await child.start();
    const point = (await child.result()) as Point;
    assert.ok(point instanceof Point);
    assert.equal(point.doubled(), 8);
  }),
);

test(
  'currentProcess() in a worker of an executor has the name of the worker',
  clean(async () => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    assert.match(await executor.submit(() => currentProcess().name), /^PoolWorker-\d+$/);
    await executor.shutdown();
  }),
);
