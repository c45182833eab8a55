/**
 * Entry file of a worker that is a thread. CommonJS, because node starts it some milliseconds sooner than a module.
 */
import type * as main from './thread-worker-main.js' with { 'resolution-mode': 'import' };

const { runThreadWorker } = require('./thread-worker-main.js') as typeof main;

runThreadWorker();
