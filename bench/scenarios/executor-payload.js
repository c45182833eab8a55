/** One submitter, two workers, one kind of payload there and back. */
import { payloadDrivers } from '../harness/executor-drivers.js';
import { echoed } from '../harness/executors.js';

const payload = (name, tasks, inFlight) => ({
  name,
  unit: 'µs/task',
  params: { workers: 2, task: 'echo', payload: name, tasks, warmup: tasks / 5, inFlight },
  quick: { tasks: tasks / 5, warmup: tasks / 10 },
});

export const scenario = {
  name: 'executor-payload',
  about: 'x => x through an executor: a payload goes there and back, checked; some are in flight',
  cases: [payload('1 KiB Buffer', 10_000, 16), payload('1 KiB of records', 10_000, 16), payload('1 MiB Buffer', 200, 4)],
  drivers: payloadDrivers(echoed),
};
