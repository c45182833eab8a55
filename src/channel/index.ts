/**
 * `multiproc/connection`: Python's `multiprocessing.connection`.
 *
 * Runs in every process; importing it starts nothing.
 */
// oxlint-disable-next-line import/no-cycle -- the list of its exports
import * as exported from './index.js';
import { registerOwnExports } from '../wire/own-exports.js';

export type { Address } from './address.js';
export { answerChallenge, deliverChallenge } from './challenge.js';
export { Client, type ClientOptions, ClientSync } from './client.js';
export { Connection } from './connection.js';
export type { TlsOptions } from './connection-options.js';
export { Listener, type ListenerOptions, type ListenerStats } from './listener.js';
export { Pipe } from './pipe.js';
export { type Ready, waitReady } from './wait-ready.js';

registerOwnExports(exported);
