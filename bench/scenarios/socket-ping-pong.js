/** Two processes that know each other by an address, one number in flight, there and back. */
import { measureBy } from '../harness/scenario.js';

const ours = (name, run, params = {}) => ({ name, ours: true, params, measure: measureBy('multiproc-sockets', run) });

const counts = { roundTrips: 10_000, warmup: 2_000 };
const quick = { roundTrips: 2_000, warmup: 500 };

export const scenario = {
  name: 'socket-ping-pong',
  about: 'a number goes through a Listener to another process and back before the next is sent',
  cases: [
    { name: 'Unix socket', unit: 'µs', params: { family: 'AF_UNIX', ...counts }, quick },
    { name: 'TCP', unit: 'µs', params: { family: 'AF_INET', ...counts }, quick },
  ],
  drivers: [
    ours('multiproc Client, blocking', 'socketPingPong', { blocking: true }),
    ours('multiproc Client, event loops', 'socketPingPong', { blocking: false }),
    { name: 'CPython Client', python: 'socket_ping_pong' },
    {
      name: 'node:net, one number a line',
      measure: measureBy('net', 'netPingPong'),
    },
  ],
};
