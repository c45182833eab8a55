/**
 * What a child logged just before its end is handled, however it ends: by itself, by an error, by a signal, out of memory.
 */
import assert from 'node:assert/strict';
import { eachKind, type Kind, startChild } from '../support/kinds.js';
import { listen, logtape, textOf } from './logging-support.js';

type End = 'exit' | 'exit code' | 'exit handler' | 'error' | 'uncaught error' | 'SIGKILL' | 'SIGSEGV' | 'abort' | 'out of memory';

/** Logs, warns, and ends in this way. */
async function speakAndEnd(end: End): Promise<void> {
  const log = logtape().getLogger('app');
  if (end === 'exit handler') process.on('exit', () => log.info('at exit'));
  log.info('last words');
  process.emitWarning('last warning');
  switch (end) {
    case 'exit':
      return process.exit(0);
    case 'exit code':
      return process.exit(3);
    case 'exit handler':
      return;
    case 'error':
      throw new Error('failed');
    case 'uncaught error':
      setImmediate(() => {
        throw new Error('failed later');
      });
      return new Promise(() => setInterval(() => {}, 1000));
    case 'SIGKILL':
    case 'SIGSEGV':
      process.kill(process.pid, end);
      for (;;);
    case 'abort':
      return process.abort();
    default:
      for (const hoard: unknown[][] = []; ; ) hoard.push(Array.from({ length: 1e5 }, () => ({})));
  }
}

const separate = ({ separate: isAlone }: Kind) => isAlone;
const always = () => true;
const FAILED = { name: 'Error' };
const DIED = { name: 'ProcessDiedError' };

for (const [end, error, only] of [
  ['exit', undefined, always],
  ['exit code', { ...DIED, exitCode: 3 }, always],
  ['exit handler', undefined, always],
  ['error', FAILED, always],
  ['uncaught error', FAILED, always],
  ['SIGKILL', { ...DIED, signal: 'SIGKILL' }, separate],
  ['SIGSEGV', { ...DIED, signal: 'SIGSEGV' }, separate],
  ['abort', { ...DIED, signal: 'SIGABRT' }, separate],
  ['out of memory', DIED, separate],
] as const) {
  eachKind(
    `the last words of a child are handled before join() settles: ${end}  [fault 44] [Z-30]`,
    async (kind, t) => {
      const records = listen(t);
      const limits = end === 'out of memory' ? { maxOldSpaceMb: 64 } : {};
      const child = await startChild(kind, t, speakAndEnd, [end], limits);
      if (error === undefined) await child.join();
      else await assert.rejects(child.join(), error);
      assert.deepEqual(
        records.map((record) => [record.level, textOf(record)]),
        [['info', 'last words'], ['warning', 'Warning: last warning'], ...(end === 'exit handler' ? [['info', 'at exit']] : [])],
      );
    },
    only,
  );
}
