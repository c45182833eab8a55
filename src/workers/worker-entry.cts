/**
 * Entry file of a worker. CommonJS, because node starts it some milliseconds sooner than a module.
 */
const { runWorker } = require('./worker-main.js') as typeof import('./worker-main.js', { with: { 'resolution-mode': 'import' } });

runWorker();
