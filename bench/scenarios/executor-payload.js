/** One submitter, two workers, one kind of payload there and back. */
import { payloadDrivers } from '../harness/executor-drivers.js';
import { echoed } from '../harness/executors.js';

/**
 * The warm-up is as long as the measurement: before some 10 000 tasks it is V8's interpreter that is measured, and before some
 * gigabytes its compilers and the first touch of memory, of every peer.
 */
const payload = (name, tasks, inFlight, caseName = name) => ({
  name: caseName,
  unit: 'µs/task',
  params: { workers: 2, task: 'echo', payload: name, tasks, warmup: tasks, inFlight },
  quick: { tasks: tasks / 5, warmup: tasks / 10 },
});

export const scenario = {
  name: 'executor-payload',
  about: 'x => x through an executor: a payload goes there and back, checked; some are in flight',
  cases: [
    payload('number', 20_000, 16, 'none (a number)'),
    payload('1 KiB Buffer', 20_000, 16),
    payload('1 KiB of records', 20_000, 16),
    payload('64 KiB Buffer', 20_000, 8),
    payload('256 KiB Buffer', 8_000, 8),
    payload('1 MiB Buffer', 5_000, 4),
  ],
  drivers: payloadDrivers(echoed),
};
