/**
 * Entry file of a Process child. CommonJS, because node starts it some milliseconds sooner than a module.
 */
import type * as main from './process-main.js' with { 'resolution-mode': 'import' };

const { runProcess } = require('./process-main.js') as typeof main;

runProcess();
