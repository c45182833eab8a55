/**
 * The library's own logger: levels, stderr, LogTape's category `multiproc`, in parents and children.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { getLogger, logToStderr, Process } from '#src/index.js';
import { leavesNothing } from '../support/census.js';
import { eachKind, inChild } from '../support/kinds.js';
import { listen, textOf } from './logging-support.js';

const PROGRAM = fileURLToPath(new URL('../../test/fixtures/logging/to-stderr.mjs', import.meta.url));
const run = promisify(execFile);

function quietAfter(t: TestContext): void {
  t.after(() => getLogger().setLevel(null));
}

test(
  'getLogger() is silent by default, and leaves out what is below its level  [_TestLogging.test_enable_logging] [U-01] [M-28]',
  leavesNothing((t) => {
    quietAfter(t);
    const logger = getLogger();
    assert.equal(logger, getLogger());
    assert.equal(logger.level, null);
    logger.error('nobody has asked');
    const records = listen(t);
    logger.setLevel('warning');
    logger.debug('left out');
    logger.info('left out');
    logger.warning('said');
    logger.setLevel('debug');
    logger.debug('said too');
    assert.deepEqual(
      records.map((record) => {
        const { processName, pid } = record.properties;
        return [record.category, record.level, textOf(record), { processName, pid }];
      }),
      [
        [['multiproc'], 'warning', 'said', { processName: 'MainProcess', pid: process.pid }],
        [['multiproc'], 'debug', 'said too', { processName: 'MainProcess', pid: process.pid }],
      ],
    );
  }),
);

test('setLevel() refuses what is no level', () => {
  assert.throws(() => getLogger().setLevel('loud' as 'info'), TypeError);
  assert.throws(() => logToStderr('loud' as 'info'), /level must be one of trace, debug, .*received loud/);
});

eachKind(
  'a child has the level of its parent’s logger, or that of LogTape’s configuration  [_TestLogging.test_level]',
  async (kind, t) => {
    quietAfter(t);
    const records = listen(t, [{ category: 'multiproc', sinks: ['all'], lowestLevel: 'error' }]);
    const tell = () => {
      const logger = getLogger();
      logger.info('info of a child');
      logger.error('error of a child');
      return logger.level;
    };
    getLogger().setLevel('error');
    assert.equal(await inChild(kind, t, tell), 'error');
    getLogger().setLevel(null);
    assert.equal(await inChild(kind, t, tell), null);
    assert.deepEqual(records.map(textOf), ['error of a child', 'error of a child']);
    const inner = await inChild(kind, t, () => {
      getLogger().setLevel('debug');
      return getLogger().level;
    });
    assert.equal(inner, 'debug');
    assert.equal(getLogger().level, null);
  },
);

eachKind('a record tells the file and line that called, in children too  [_TestLogging.test_filename]', async (kind, t) => {
  quietAfter(t);
  const records = listen(t);
  getLogger().info('here');
  await inChild(kind, t, () => {
    getLogger().info('there');
  });
  const places = records.map(({ properties: { file, line } }) => [basename(String(file)), typeof line]);
  assert.deepEqual(places, [
    [basename(import.meta.filename), 'number'],
    [basename(import.meta.filename), 'number'],
  ]);
  const { stack } = new Error();
  assert.ok(decodeURI(String(stack)).includes(String(records[0]?.properties['file'])));
});

eachKind('the lives of children are told to LogTape’s category multiproc when the level is set', async (kind, t) => {
  quietAfter(t);
  const records = listen(t);
  getLogger().setLevel('info');
  const child = new kind.Child({ name: 'Told', target: () => {}, stdio: 'ignore' });
  await child.start();
  await child.join();
  assert.deepEqual(
    records.map((record) => [record.properties['processName'], textOf(record)]),
    [
      ['Told', 'child process calling run()'],
      ['Told', 'process exiting with exit code 0'],
    ],
  );
});

test(
  'logToStderr() prints the lives of children, once, with control characters shown  [U-02] [M-28]',
  leavesNothing(async () => {
    const { stderr } = await run(process.execPath, [PROGRAM]);
    assert.deepEqual(stderr.trimEnd().split('\n'), [
      '[INFO/MainProcess] before',
      '[INFO/Process-1] child process calling run()',
      '[WARNING/Process-1] red \\x1b[31m and\\na new line',
      '[INFO/Process-1] process exiting with exit code 0',
      '[INFO/MainProcess] after',
    ]);
  }),
);

test(
  'a subclass that is renamed is told by its new name',
  leavesNothing(
    async (t) => {
      const records = listen(t);
      class Named extends Process {
        override run(): void {
          this.name = 'Renamed';
          getLogger().warning('here');
        }
      }
      const child = new Named({ stdio: 'ignore' });
      await child.start();
      await child.join();
      assert.equal(records.find((record) => textOf(record) === 'here')?.properties['processName'], 'Renamed');
    },
    {
      warmUp: async () => {
        const p = new Process({ stdio: 'ignore' });
        await p.start();
        await p.join();
      },
    },
  ),
);
