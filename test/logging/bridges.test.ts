/**
 * The bridges to pino and winston, in parents that handle records with them and in children whose loggers they are.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import {
  handleWithPino,
  handleWithWinston,
  pinoDestination,
  type PinoLogger,
  type WinstonLogger,
  winstonTransport,
} from '#src/logging/index.js';
import { eachKind, inChild, startChild } from '../support/kinds.js';
import { listen, logtape, type TapeRecord, textOf } from './logging-support.js';

type Line = Record<string, unknown>;
type Log = (...args: unknown[]) => void;

interface Pino extends PinoLogger {
  level: string;
}

interface Winston extends WinstonLogger {
  readonly info: Log;
  readonly debug: Log;
  readonly error: Log;
  close(): void;
}

/** A logger of pino, of the copy that the user has. */
function pino(
  options: object,
  destination: { write(line: string): void },
): Pino & Record<'trace' | 'info' | 'debug' | 'error', Log> {
  return (createRequire(import.meta.url)('pino') as (...args: unknown[]) => never)(options, destination);
}

interface WinstonModule {
  createLogger(options: object): Winston;
  readonly format: { colorize(): unknown };
  readonly transports: { readonly Stream: new (options: { stream: Writable }) => Writable };
}

function winstonModule(): WinstonModule {
  return createRequire(import.meta.url)('winston') as WinstonModule;
}

function winston(options: object, transport: Writable): Winston {
  return winstonModule().createLogger({ ...options, transports: [transport] });
}

/** Handles records with pino. @returns The lines that it writes. */
function linesOfPino(t: TestContext, level: string): { lines: Line[]; logger: Pino } {
  const lines: Line[] = [];
  const logger = pino({ level }, { write: (line) => lines.push(JSON.parse(line) as Line) });
  const bridge = handleWithPino(logger);
  t.after(() => bridge[Symbol.dispose]());
  return { lines, logger };
}

function speak(): number {
  const log = logtape().getLogger(['app', 'db']);
  log.debug('left out');
  log.info('{user} is here', { user: 'ann' });
  log.fatal('broken', { error: new TypeError('why') });
  return process.pid;
}

eachKind('a parent’s pino logger handles the records of children, by its level', async (kind, t) => {
  const { lines, logger } = linesOfPino(t, 'info');
  const child = await startChild(kind, t, speak, [], { name: 'Speaker' });
  const pid = await child.result();
  const [first, second, ...others] = lines as [Line, Line, ...Line[]];
  assert.deepEqual(others, []);
  const { time, hostname: _, ...rest } = first;
  assert.ok(Math.abs(Number(time) - Date.now()) < 60_000);
  assert.deepEqual(rest, { level: 30, pid, category: ['app', 'db'], user: 'ann', processName: 'Speaker', msg: "'ann' is here" });
  assert.equal(second['level'], 60);
  assert.deepEqual((second['err'] as Line)['type'], 'TypeError');
  logger.level = 'silent';
  assert.equal(await inChild(kind, t, () => logtape().getLogger('app').isEnabledFor('fatal')), false);
  assert.equal(lines.length, 2);
});

eachKind('a parent’s winston logger handles the records of children, by its level', async (kind, t) => {
  const lines: Line[] = [];
  const stream = new Writable({ write: (line, _, done) => void (lines.push(JSON.parse(String(line)) as Line), done()) });
  const logger = winston({ level: 'info' }, new (winstonModule().transports.Stream)({ stream }));
  const bridge = handleWithWinston(logger);
  t.after(() => {
    bridge[Symbol.dispose]();
    logger.close();
  });
  const child = await startChild(kind, t, speak, [], { name: 'Speaker' });
  const pid = await child.result();
  const [first, second, ...others] = lines as [Line, Line, ...Line[]];
  assert.deepEqual(others, []);
  const { timestamp, ...rest } = first;
  assert.ok(Math.abs(Date.parse(String(timestamp)) - Date.now()) < 60_000);
  const expected = { level: 'info', message: "'ann' is here", category: ['app', 'db'], user: 'ann', processName: 'Speaker', pid };
  assert.deepEqual(rest, expected);
  assert.equal(second['level'], 'error');
});

eachKind('a child’s own pino and winston loggers are handled by the parent’s configuration', async (kind, t) => {
  const records = listen(t, [{ category: [], sinks: ['all'], lowestLevel: 'info' }]);
  await inChild(kind, t, () => {
    const one = pino({ name: 'api', level: 'trace' }, pinoDestination());
    one.info({ user: 'ann' }, 'by pino');
    one.debug('left out');
    one.error('worse');
    const other = winston({ level: 'debug' }, winstonTransport());
    other.info('by winston', { label: 'db', rows: 3 });
    other.debug('left out');
  });
  assert.ok(records.every(({ properties }) => /-\d+$/.test(String(properties['processName']))));
  assert.deepEqual(
    records.map((record) => [
      record.category,
      record.level,
      textOf(record),
      record.properties['user'],
      record.properties['rows'],
    ]),
    [
      [['api'], 'info', 'by pino', 'ann', undefined],
      [['api'], 'error', 'worse', undefined, undefined],
      [['db'], 'info', 'by winston', undefined, 3],
    ],
  );
});

eachKind('a child’s own pino and winston loggers print where the parent has no configuration', async (kind, t) => {
  const child = await startChild(
    kind,
    t,
    () => {
      pino({ name: 'api' }, pinoDestination()).info('by pino');
      winston({}, winstonTransport()).info('by winston');
    },
    [],
    { stdio: 'pipe' },
  );
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const closed = new Promise((resolve) => child.stdout?.on('close', resolve));
  await child.join();
  await closed;
  const lines = printed
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  assert.deepEqual(
    lines.map(({ msg, message }) => msg ?? message),
    ['by pino', 'by winston'],
  );
});

eachKind(
  'pino loggers that write levels by name, messages by another key, times as text and errors are understood',
  async (kind, t) => {
    const records = listen(t, [{ category: [], sinks: ['all'], lowestLevel: 'info' }]);
    const { lines } = linesOfPino(t, 'info');
    await inChild(kind, t, () => {
      const named = pino({ formatters: { level: (level: string) => ({ level }) } }, pinoDestination());
      named.info('named');
      named.debug('left out');
      const timestamp = () => ',"time":"2020-01-02T03:04:05.000Z"';
      pino({ messageKey: 'message', timestamp }, pinoDestination()).error(
        { err: Object.assign(new RangeError('far'), { code: 7 }) },
        'keyed',
      );
      pino({}, pinoDestination()).info({ message: 'a field', err: 'no error' }, 'plain');
    });
    assert.deepEqual(
      records.map((record) => [record.level, textOf(record)]),
      [
        ['info', 'named'],
        ['error', 'keyed'],
        ['info', 'plain'],
      ],
    );
    const [, keyed, plain] = records as [TapeRecord, TapeRecord, TapeRecord];
    assert.equal(keyed.timestamp, Date.UTC(2020, 0, 2, 3, 4, 5));
    const error = keyed.properties['err'] as RangeError & { code: number };
    assert.ok(error instanceof RangeError && error.code === 7 && error.stack?.startsWith('RangeError: far\n') === true);
    assert.deepEqual(
      [keyed.properties['message'], plain.properties['message'], plain.properties['err']],
      [undefined, 'a field', 'no error'],
    );
    assert.equal((lines[1]?.['err'] as Line | undefined)?.['type'], 'RangeError');
  },
);

eachKind('winston loggers obey their level, keep it through formats that colour it, and say what is no text', async (kind, t) => {
  const records = listen(t, [{ category: [], sinks: ['all'], lowestLevel: 'trace' }]);
  await inChild(kind, t, () => {
    const strict = winston({ level: 'warn' }, winstonTransport());
    strict.info('left out');
    strict.error('strict');
    winston({ format: winstonModule().format.colorize() }, winstonTransport()).error('coloured');
    winston({}, winstonTransport()).info({ message: { rows: 3 } });
  });
  assert.deepEqual(
    records.map((record) => [record.level, textOf(record)]),
    [
      ['error', 'strict'],
      ['error', 'coloured'],
      ['info', '{ rows: 3 }'],
    ],
  );
});

eachKind('a winston logger prints what JSON cannot say where the parent has no configuration', async (kind, t) => {
  const talk = () => {
    const circular: Line = {};
    circular['self'] = circular;
    winston({}, winstonTransport()).info('odd', { circular, big: 10n, rows: 3 });
  };
  const child = await startChild(kind, t, talk, [], { stdio: 'pipe' });
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const closed = new Promise((resolve) => child.stdout?.on('close', resolve));
  await child.join();
  await closed;
  const { message, circular, big, rows } = JSON.parse(printed) as Line;
  assert.deepEqual([message, circular, big, rows], ['odd', '<ref *1> { self: [Circular *1] }', '10n', 3]);
});
