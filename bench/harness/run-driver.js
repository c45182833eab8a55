/**
 * The main module of a measurement process: runs one driver for one case, once, and writes one JSON line to file
 * descriptor 3. Never prints.
 *
 *   node run-driver.js <scenario file> <scenario> <driver> <params as JSON>
 */
import { writeSync } from 'node:fs';
import { NotMeasured, remarks } from './driver-kit.js';
import { scenariosIn } from './scenario.js';

const [file, scenarioName, driverName, params] = process.argv.slice(2);
const scenario = (await scenariosIn(file)).find(({ name }) => name === scenarioName);
const driver = scenario?.drivers.find(({ name }) => name === driverName);
if (!driver?.measure) throw new Error(`No driver ${driverName} with a measure() in ${scenarioName}`);

try {
  report({ value: await driver.measure(JSON.parse(params)), remarks });
} catch (error) {
  if (error instanceof NotMeasured) report({ notMeasured: error.message });
  else report({ error: error instanceof Error ? error.stack : String(error) });
}
process.exit(0);

/** @param {object} outcome */
function report(outcome) {
  writeSync(3, `${JSON.stringify(outcome)}\n`);
}
