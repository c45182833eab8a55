/**
 * Entry file of the thread that relays for blocking code over TLS. CommonJS, because node starts it some milliseconds
 * sooner than a module.
 */
import type * as main from './tls-relay-main.js' with { 'resolution-mode': 'import' };

const { runTlsRelay } = require('./tls-relay-main.js') as typeof main;

runTlsRelay();
