/**
 * Records of children in the parent's LogTape: what arrives, filtered by whom, in which order, and when.
 */
import assert from 'node:assert/strict';
import { Process, Semaphore } from '#src/index.js';
import { eachKind, inChild, startChild } from '../support/kinds.js';
import { listen, logtape, QUIET, type TapeRecord, textOf } from './logging-support.js';

eachKind('a record keeps level, category, message, values and time, and tells process, pid  [Z-28]', async (kind, t) => {
  const records = listen(t);
  const before = Date.now();
  const child = await startChild(
    kind,
    t,
    () => {
      const cause = new RangeError('inner');
      logtape()
        .getLogger(['app', 'db'])
        .error('{user} failed: {error}', {
          user: 'ann',
          error: Object.assign(new TypeError('broken', { cause }), { code: 'E_BROKEN' }),
          at: new Date(5),
          tags: new Set(['a']),
          big: 12n,
          nothing: undefined,
          pid: 'overruled',
        });
      return process.pid;
    },
    [],
    { name: 'Reporter' },
  );
  const pid = await child.result();
  const [record, ...others] = records as [TapeRecord, ...TapeRecord[]];
  assert.deepEqual(others, []);
  assert.deepEqual(record.category, ['app', 'db']);
  assert.equal(record.level, 'error');
  assert.equal(record.rawMessage, '{user} failed: {error}');
  assert.ok(record.timestamp >= before && record.timestamp <= Date.now());
  const { error, ...rest } = record.properties;
  assert.deepEqual(rest, {
    user: 'ann',
    at: new Date(5),
    tags: new Set(['a']),
    big: 12n,
    nothing: undefined,
    processName: 'Reporter',
    pid,
  });
  assert.ok(error instanceof TypeError);
  assert.equal(error.message, 'broken');
  assert.equal((error as Error & { code?: string }).code, 'E_BROKEN');
  assert.ok(error.cause instanceof RangeError);
  assert.match(String(error.stack), /forwarding\.test/);
  assert.deepEqual(record.message, ['', 'ann', ' failed: ', error, '']);
});

eachKind("records below the parent's level are not made at all  [Z-28]", async (kind, t) => {
  const records = listen(t, [
    { category: 'app', sinks: ['all'], lowestLevel: 'info' },
    { category: ['app', 'loud'], lowestLevel: 'error' },
    { category: ['app', 'off'], lowestLevel: null },
    { category: ['app', 'fine'], sinks: ['all'], lowestLevel: 'debug', parentSinks: 'override' },
  ]);
  const enabled = await inChild(kind, t, () => {
    const { getLogger } = logtape();
    for (const category of [[], ['app'], ['app', 'x', 'y'], ['app', 'loud'], ['app', 'off'], ['app', 'fine'], ['other']])
      for (const level of ['debug', 'info', 'error'] as const) getLogger(category)[level](`${category.join('.')} ${level}`);
    return {
      app: getLogger('app').isEnabledFor('debug'),
      fine: getLogger(['app', 'fine']).isEnabledFor('debug'),
      other: getLogger('other').isEnabledFor('fatal'),
    };
  });
  assert.deepEqual(enabled, { app: false, fine: true, other: false });
  assert.deepEqual(records.map(textOf), [
    'app info',
    'app error',
    'app.x.y info',
    'app.x.y error',
    'app.loud error',
    'app.fine debug',
    'app.fine info',
    'app.fine error',
  ]);
});

eachKind("filters of the parent's configuration see the records of children", async (kind, t) => {
  const seen: unknown[] = [];
  logtape().configureSync({
    reset: true,
    sinks: { all: (record) => seen.push(textOf(record)) },
    filters: { even: ({ properties }) => Number(properties['i']) % 2 === 0 },
    loggers: [{ category: [], sinks: ['all'], filters: ['even'] }, QUIET],
  });
  t.after(() => logtape().resetSync());
  await inChild(kind, t, () => {
    for (let i = 0; i < 4; i++) logtape().getLogger('app').info(`record ${i}`, { i });
  });
  assert.deepEqual(seen, ['record 0', 'record 2']);
});

eachKind('a child follows the parent when that configures LogTape later, even while it is busy', async (kind, t) => {
  const records = listen(t, [{ category: [], sinks: ['all'], lowestLevel: 'error' }]);
  const words = new Int32Array(new SharedArrayBuffer(4));
  assert.equal(words[0], 0);
  const child = await startChild(
    kind,
    t,
    () => {
      const log = logtape().getLogger('app');
      let i = 0;
      while (!log.isEnabledFor('debug')) log.debug(`too early ${i++}`);
      log.debug('now');
    },
    [],
  );
  logtape().configureSync({
    reset: true,
    sinks: { all: (record) => records.push(record) },
    loggers: [{ category: [], sinks: ['all'], lowestLevel: 'debug' }, QUIET],
  });
  await child.join();
  assert.deepEqual(records.map(textOf), ['now']);
});

eachKind('a child that configures LogTape itself keeps its records  [Z-29]', async (kind, t) => {
  const records = listen(t);
  const kept = await inChild(kind, t, () => {
    const { configureSync, getLogger } = logtape();
    const own: string[] = [];
    getLogger('app').info('before');
    configureSync({
      sinks: { own: (record) => own.push(textOf(record)) },
      loggers: [
        { category: 'app', sinks: ['own'], lowestLevel: 'debug' },
        { category: ['logtape', 'meta'], lowestLevel: null },
      ],
    });
    getLogger('app').debug('mine');
    getLogger('other').fatal('nobody’s');
    return own;
  });
  assert.deepEqual(kept, ['mine']);
  assert.deepEqual(records.map(textOf), ['before']);
});

eachKind('warnings of a child are records of the category process.warning  [Z-27]', async (kind, t) => {
  const records = listen(t);
  const child = await startChild(
    kind,
    t,
    () => {
      process.emitWarning('careful', { code: 'W1', detail: 'of the dog' });
      process.emitWarning('old', 'DeprecationWarning', 'DEP9');
    },
    [],
    { stdio: 'pipe' },
  );
  let printed = '';
  child.stderr?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await child.join();
  assert.deepEqual(
    records.map((record) => [
      record.category,
      record.level,
      textOf(record),
      record.properties['code'],
      record.properties['detail'],
    ]),
    [
      [['process', 'warning'], 'warning', 'Warning: careful', 'W1', 'of the dog'],
      [['process', 'warning'], 'warning', 'DeprecationWarning: old', 'DEP9', undefined],
    ],
  );
  assert.equal(printed, '');
});

eachKind('captureConsole makes records of console output; without it that goes to stdout', async (kind, t) => {
  const records = listen(t, [{ category: 'console', sinks: ['all'], lowestLevel: 'info' }]);
  const talk = () => {
    console.debug('left out');
    console.log('%s: %d', 'sum', 3, { a: [1] });
    console.warn('beware');
    console.error(new Error('lost').message);
    console.assert(false, 'not so');
  };
  const run = async (captureConsole: boolean) => {
    const child = await startChild(kind, t, talk, [], { captureConsole, stdio: 'pipe' });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const closed = Promise.all(
      [child.stdout, child.stderr].map((stream) => new Promise((resolve) => stream?.on('close', resolve))),
    );
    await child.join();
    await closed;
    return printed;
  };
  assert.equal(await run(true), '');
  assert.deepEqual(
    records.splice(0).map((record) => [record.level, textOf(record)]),
    [
      ['info', 'sum: 3 { a: [ 1 ] }'],
      ['warning', 'beware'],
      ['error', 'lost'],
      ['error', 'Assertion failed: not so'],
    ],
  );
  assert.match(await run(false), /left out/);
  assert.deepEqual(records, []);
});

eachKind(
  'captured console methods say what they print: assertions that hold are silent, those that fail are formatted',
  async (kind, t) => {
    const records = listen(t, [{ category: 'console', sinks: ['all'], lowestLevel: 'info' }]);
    const talk = () => {
      for (const holds of [1, 'yes', {}, true]) console.assert(holds, 'held');
      console.assert(0);
      console.assert(false, '%d of %s', 2, 'three', { a: 1 });
      console.assert(null, { a: 1 } as unknown as string); // as programs do that no compiler sees
      console.dirxml({ b: 1 }, 'xml');
    };
    const child = await startChild(kind, t, talk, [], { captureConsole: true });
    await child.join();
    assert.deepEqual(
      records.map((record) => [record.level, textOf(record)]),
      [
        ['error', 'Assertion failed'],
        ['error', 'Assertion failed: 2 of three { a: 1 }'],
        ['error', 'Assertion failed: { a: 1 }'],
        ['info', '{ b: 1 } xml'],
      ],
    );
  },
);

eachKind(
  'a parent without a LogTape configuration sees console output and warnings as usual, and nothing else',
  async (kind, t) => {
    logtape().resetSync();
    const child = await startChild(
      kind,
      t,
      async () => {
        logtape().getLogger('app').fatal('unheard');
        process.emitWarning('printed');
        console.log('printed too');
        await new Promise((resolve) => setImmediate(resolve));
      },
      [],
      { captureConsole: true, stdio: 'pipe' },
    );
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const closed = Promise.all(
      [child.stdout, child.stderr].map((stream) => new Promise((resolve) => stream?.on('close', resolve))),
    );
    await child.join();
    await closed;
    assert.match(printed, /Warning: printed\n/);
    assert.match(printed, /printed too\n/);
    assert.doesNotMatch(printed, /unheard/);
  },
);

eachKind('records of several children come interleaved by time, those of each in its order', async (kind, t) => {
  const records = listen(t);
  const turns = [0, 1, 2].map((n) => new Semaphore(n === 0 ? 1 : 0));
  const speak = (mine: Semaphore, next: Semaphore, count: number, n: number) => {
    const log = logtape().getLogger('app');
    for (let i = 0; i < count; i++) {
      mine.acquireSync();
      if (i % 7 === 6) log.error('{i}', { i: i * 3 + n });
      else log.info('{i}', { i: i * 3 + n });
      next.release();
    }
  };
  const children = await Promise.all(
    turns.map((turn, n) => startChild(kind, t, speak, [turn, turns[(n + 1) % 3] as Semaphore, 500, n])),
  );
  await Promise.all(children.map((child) => child.join()));
  assert.deepEqual(
    records.map(({ properties }) => properties['i']),
    Array.from({ length: 1500 }, (_, i) => i),
  );
});

eachKind('a task’s records tell its taskId, which is that of its errors too', async (kind, t) => {
  const records = listen(t);
  const executor = new kind.Executor({ maxWorkers: 1 });
  t.after(() => executor.shutdown());
  const speak = async (text: string) => {
    logtape().getLogger('app').info(`${text} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    logtape().getLogger('app').info(`${text} ends`);
  };
  await Promise.all(['first', 'second'].map((text) => executor.submit(speak, text)));
  await executor.shutdown();
  assert.deepEqual(
    records.map((record) => [textOf(record), record.properties['taskId']]),
    [
      ['first begins', 1],
      ['first ends', 1],
      ['second begins', 2],
      ['second ends', 2],
    ],
  );
  assert.match(String(records[0]?.properties['processName']), /Worker-\d+$/);
});

eachKind('records of a grandchild reach the main process with its own name', async (kind, t) => {
  const records = listen(t);
  await inChild(
    kind,
    t,
    async (usesLogTape: boolean) => {
      if (usesLogTape) logtape();
      const child = new Process({ name: 'Grandchild', target: () => logtape().getLogger('deep').warning('here') });
      await child.start();
      await child.join();
    },
    true,
  );
  await inChild(kind, t, async () => {
    const child = new Process({ name: 'Other', target: () => logtape().getLogger('deep').warning('here') });
    await child.start();
    await child.join();
  });
  assert.deepEqual(
    records.map(({ category, properties }) => [category, properties['processName'], properties['pid'] === process.pid]),
    [
      [['deep'], 'Grandchild', false],
      [['deep'], 'Other', false],
    ],
  );
});

eachKind(
  'everything that a child logged before it was killed is handled before join() settles  [fault 44] [Z-30]',
  async (kind, t) => {
    const records = listen(t);
    const child = await startChild(
      kind,
      t,
      () => {
        const log = logtape().getLogger('app');
        for (let i = 0; i < 500; i++) log.info('{i}', { i });
        process.kill(process.pid, 'SIGKILL');
      },
      [],
    );
    await assert.rejects(child.join(), { name: 'ProcessDiedError' });
    assert.deepEqual(
      records.map(({ properties }) => properties['i']),
      Array.from({ length: 500 }, (_, i) => i),
    );
  },
  ({ separate }) => separate,
);

eachKind(
  'a child that the parent terminates has its records handled, and so has one that calls process.exit',
  async (kind, t) => {
    const records = listen(t);
    const busy = await startChild(
      kind,
      t,
      () => {
        logtape().getLogger('app').info('busy');
        for (;;);
      },
      [],
    );
    while (records.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    busy.terminate();
    await busy.join();
    await inChild(kind, t, () => {
      for (let i = 0; i < 100; i++) logtape().getLogger('app').info('last words');
      process.exit(0);
    });
    assert.deepEqual(records.map(textOf), ['busy', ...Array.from({ length: 100 }, () => 'last words')]);
  },
);
