/**
 * Tasks that log with LogTape in a worker of ours, whose records the parent handles.
 */
import { createHash } from 'node:crypto';
import { check, load, median, remarks } from '../harness/driver-kit.js';

const DATA = Buffer.alloc(2_000_000);
/** The work is the same however many records are spread over it. */
const PARTS = 20;
let logger;

/** About a millisecond of work, with records spread over it. @returns {Promise<number>} microseconds it took */
export async function loggingTask({ task, records, own }) {
  logger ??= await loggerOf(own);
  const part = DATA.subarray(0, DATA.length / PARTS);
  const start = process.hrtime();
  for (let i = 0; i < PARTS; i++) {
    createHash('sha1').update(part).digest();
    if ((i * records) % PARTS < records) logger.info('request {id} of {user} took {ms} ms', { id: task, user: 'ann', ms: 3.5 });
  }
  const [seconds, nanoseconds] = process.hrtime(start);
  return seconds * 1e6 + nanoseconds / 1e3;
}

async function loggerOf(own) {
  const { configureSync, getLogger } = await import('@logtape/logtape');
  if (own) configureSync({ sinks: { nowhere: () => {} }, loggers: [{ category: 'app', sinks: ['nowhere'] }, QUIET] });
  return getLogger(['app', 'requests']);
}

const QUIET = { category: ['logtape', 'meta'], lowestLevel: null };

/** @returns {Promise<number>} by how many per cent a task takes longer when it logs */
export async function logFlood({ tasks, warmup, records, level, own }) {
  const { ProcessPoolExecutor } = await load('multiproc', 'ProcessPoolExecutor');
  const { configureSync } = await load('@logtape/logtape', 'configureSync');
  let handled = 0;
  configureSync({
    sinks: { count: ({ properties }) => (handled += properties.dropped ?? 1) },
    loggers: [{ category: 'app', lowestLevel: level, sinks: ['count'] }, QUIET],
  });
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  const run = async (inputs) => {
    const micros = [];
    for await (const each of executor.map(loggingTask, inputs)) micros.push(each);
    return micros;
  };
  await run(Array.from({ length: warmup }, (_, task) => ({ task, records: PARTS, own })));
  // Tasks that log and tasks that do not, at random: whatever else the machine does hits both.
  const inputs = Array.from({ length: tasks }, (_, task) => ({ task, records: Math.random() < 0.5 ? records : 0, own }));
  const micros = await run(inputs);
  await executor.shutdown();
  const logged = inputs.reduce((sum, each) => sum + each.records, warmup * PARTS);
  check(handled, own || level !== 'info' ? 0 : logged, 'number of records handled');
  const [silent, logging] = [0, records].map((wanted) => median(micros.filter((_, task) => inputs[task].records === wanted)));
  remarks.push(`${((logging - silent) / records).toFixed(2)} µs per record`);
  return 100 * (logging / silent - 1);
}
