/**
 * Entry file of a worker. CommonJS, because node starts it some milliseconds sooner than a module.
 */
import type * as main from './worker-main.js' with { 'resolution-mode': 'import' };

const { runWorker } = require('./worker-main.js') as typeof main;

runWorker();
