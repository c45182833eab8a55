/** One worker, tasks of about a millisecond of work that log: by how much the log slows the worker. */
import { logFlood } from '../drivers/multiproc-logging.js';

const driver = (name, params, rest) => ({
  name,
  packages: ['@logtape/logtape'],
  params,
  ...rest,
  measure: logFlood,
});

const rate = (records) => ({
  name: `${records} ${records === 1 ? 'record' : 'records'} a millisecond`,
  unit: '% longer',
  params: { tasks: 3_000, warmup: 500, records },
  quick: { tasks: 1_000 },
});

export const scenario = {
  name: 'log-flood',
  about:
    'median time of tasks that log against that of the same tasks that do not, among each other in one worker; the parent handles the records meanwhile',
  cases: [rate(1), rate(5), rate(20)],
  drivers: [
    driver('multiproc, handled by the parent', { level: 'info', own: false }, { ours: true }),
    driver('multiproc, below the level of the parent', { level: 'error', own: false }),
    driver('LogTape in the worker, its sink does nothing', { level: 'info', own: true }),
  ],
};
