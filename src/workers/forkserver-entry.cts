/**
 * Entry file of a fork server. CommonJS, because node starts it some milliseconds sooner than a module, and because
 * an import of `node:util` makes the streams that must not be made yet.
 */
import type * as output from '../process/forkserver/output.js' with { 'resolution-mode': 'import' };
import type * as main from './forkserver-main.js' with { 'resolution-mode': 'import' };

const { guardOutput } = require('../process/forkserver/output.js') as typeof output;
guardOutput();
const { runForkserver } = require('./forkserver-main.js') as typeof main;

runForkserver();
