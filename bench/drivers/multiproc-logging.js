/**
 * Tasks that log with LogTape in a worker of ours, whose records the parent handles.
 */
import { createHash } from 'node:crypto';
import { check, load } from '../harness/driver-kit.js';

const DATA = Buffer.alloc(2_000_000);
let logger;
/** CPU time at the first task that counts. */
let since;

/** About a millisecond of work, with records spread over it; the last task tells the CPU time of all that count. */
export async function loggingTask({ task, tasks, records, own }) {
  logger ??= await loggerOf(own);
  if (task === 0) since = process.cpuUsage();
  const parts = Math.max(1, records);
  const part = DATA.subarray(0, DATA.length / parts);
  for (let i = 0; i < parts; i++) {
    createHash('sha1').update(part).digest();
    if (i < records) logger.info('request {id} of {user} took {ms} ms', { id: task, user: 'ann', ms: 3.5 });
  }
  if (task !== tasks - 1) return undefined;
  const { user, system } = process.cpuUsage(since);
  return (user + system) / tasks;
}

async function loggerOf(own) {
  const { configureSync, getLogger } = await import('@logtape/logtape');
  if (own) configureSync({ sinks: { nowhere: () => {} }, loggers: [{ category: 'app', sinks: ['nowhere'] }, QUIET] });
  return getLogger(['app', 'requests']);
}

const QUIET = { category: ['logtape', 'meta'], lowestLevel: null };

/** @returns {Promise<number>} microseconds of CPU time per task */
export async function logFlood({ tasks, warmup, records, level, own }) {
  const { ProcessPoolExecutor } = await load('multiproc', 'ProcessPoolExecutor');
  const { configureSync } = await load('@logtape/logtape', 'configureSync');
  let handled = 0;
  configureSync({
    sinks: { count: ({ properties }) => (handled += properties.dropped ?? 1) },
    loggers: [{ category: 'app', lowestLevel: level, sinks: ['count'] }, QUIET],
  });
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  const run = async (count) => {
    let figure;
    const inputs = Array.from({ length: count }, (_, task) => ({ task, tasks: count, records, own }));
    for await (const each of executor.map(loggingTask, inputs)) figure = each ?? figure;
    return figure;
  };
  await run(warmup);
  const figure = await run(tasks);
  await executor.shutdown();
  const expected = own || level !== 'info' ? 0 : (warmup + tasks) * records;
  await new Promise((resolve) => setTimeout(resolve, 50));
  check(handled, expected, 'number of records handled');
  return figure;
}
