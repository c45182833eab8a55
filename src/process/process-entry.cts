/**
 * Entry file of a Process child. CommonJS, because node starts it some milliseconds sooner than a module.
 */
const { runProcess } = require('./process-main.js') as typeof import('./process-main.js', { with: { 'resolution-mode': 'import' } });

runProcess();
