/**
 * Entry file of a Thread. CommonJS, because node starts it some milliseconds sooner than a module.
 */
import type * as main from './thread-main.js' with { 'resolution-mode': 'import' };

const { runThread } = require('./thread-main.js') as typeof main;

runThread();
