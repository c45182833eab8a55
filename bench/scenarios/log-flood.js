/** One worker, tasks of about a millisecond of work that log: what the log costs the worker. */
import { logFlood } from '../drivers/multiproc-logging.js';

const driver = (name, params, rest) => ({
  name,
  packages: ['@logtape/logtape'],
  params,
  ...rest,
  measure: logFlood,
});

export const scenario = {
  name: 'log-flood',
  about: 'CPU time of the worker per task, from the first task to the last; the parent handles the records meanwhile',
  cases: [
    {
      name: '5 records a millisecond',
      unit: 'µs CPU/task',
      params: { tasks: 3_000, warmup: 500, records: 5 },
      quick: { tasks: 500, warmup: 200 },
    },
    {
      name: '1 record a millisecond',
      unit: 'µs CPU/task',
      params: { tasks: 3_000, warmup: 500, records: 1 },
      quick: { tasks: 500, warmup: 200 },
    },
  ],
  drivers: [
    driver('multiproc, handled by the parent', { level: 'info', own: false }, { ours: true }),
    driver('multiproc, below the level of the parent', { level: 'error', own: false }),
    driver('LogTape in the worker, its sink does nothing', { level: 'info', own: true }),
    driver('nothing logged', { level: 'info', own: false, records: 0 }),
  ],
};
