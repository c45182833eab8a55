/** Two processes, one number in flight, there and back. */
import { wire } from '../harness/channel-scenarios.js';
import { measureBy } from '../harness/scenario.js';

const ours = (name, file, run) => ({ name, ours: true, measure: measureBy(file, run) });

export const scenario = {
  name: 'ping-pong',
  about: 'a number goes to another process (or thread) and back before the next is sent',
  cases: [
    { name: 'round trip', unit: 'µs', params: { roundTrips: 20_000, warmup: 20_000 }, quick: { roundTrips: 2_000, warmup: 500 } },
  ],
  drivers: [
    ours('multiproc Pipe', 'multiproc', 'pipePingPong'),
    ours('multiproc Pipe, async', 'multiproc-queues', 'pipePingPongAsync'),
    ours('multiproc ring (blocking)', 'multiproc-substrate', 'ringPingPong'),
    ours('multiproc doorbell only', 'multiproc-substrate', 'doorbellPingPong'),
    { name: 'bare doorbell: pipes and epoll, in C', measure: measureBy('pipe-doorbell', 'pingPong') },
    { name: 'CPython Pipe', python: 'pipe_ping_pong' },
    { name: 'CPython SimpleQueue', python: 'queue_ping_pong', params: { kind: 'SimpleQueue' } },
    { name: 'CPython Queue', python: 'queue_ping_pong', params: { kind: 'Queue' } },
    wire('child_process.fork, json', 'fork', 'pingPong', { serialization: 'json' }),
    wire('child_process.fork, advanced', 'fork', 'pingPong', { serialization: 'advanced' }),
    wire('worker_threads MessagePort', 'worker-threads', 'pingPong', {}),
  ],
};
