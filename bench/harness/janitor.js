/**
 * Outlives the bench, however that ends (kill -9 included), to end what it left: its stdin closes with the bench.
 *
 *   node janitor.js <token>
 */
import { endFamily } from './family.js';

process.stdin.resume().on('end', () => void endFamily(process.argv[2]));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
