/**
 * Runs one case of a scenario: all drivers alternate, the order shifts by one each round. Runs in the bench process.
 *
 * @typedef {{ node: string, python: string, token: string, rounds: number, quick: boolean,
 *   stop: { requested: boolean, promise: Promise<'stopped'> }, progress: (text: string) => void }} Run
 *
 * @typedef {object} Row what one driver did in one case
 * @property {string} driver
 * @property {boolean} ours
 * @property {number[]} samples one per measured round, in the order of the rounds
 * @property {string[]} remarks what the driver wants said beside its figures, once per round
 * @property {{ round: number, status: string, reason: string }[]} misses
 * @property {number} leftBehind processes that had to be killed, over all rounds
 */
import { measure } from './measure.js';

/**
 * @param {{ scenario: import('./scenario.js').Scenario, file: URL }} source
 * @param {import('./scenario.js').Case} testCase
 * @param {import('./scenario.js').Driver[]} drivers
 * @param {Run} run
 * @returns {Promise<Row[]>} in the order of `drivers`
 */
export async function runCase({ scenario, file }, testCase, drivers, run) {
  /** @type {Row[]} */
  const rows = drivers.map(({ name, ours = false }) => ({
    driver: name,
    ours,
    samples: [],
    remarks: [],
    misses: [],
    leftBehind: 0,
  }));
  const rounds = roundsOf(scenario, run);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < drivers.length && !run.stop.requested; turn++) {
      const index = (round + turn) % drivers.length;
      const [driver, row] = [drivers[index], rows[index]];
      if (isHopeless(row)) continue;
      run.progress(`${scenario.name} · ${testCase.name}: round ${round + 1} of ${rounds}, ${driver.name}`);
      const params = paramsOf(testCase, driver, run);
      const outcome = await measure({ file, scenario, driver, params }, run);
      row.leftBehind += outcome.leftBehind;
      if (outcome.status === 'ok') {
        row.samples.push(outcome.value);
        row.remarks.push(...outcome.remarks);
      } else if (outcome.status !== 'stopped') {
        row.misses.push({ round: round + 1, status: outcome.status, reason: outcome.reason });
      }
    }
  }
  run.progress('');
  return rows;
}

/** @param {import('./scenario.js').Scenario} scenario @param {Run} run */
export const roundsOf = (scenario, run) => Math.min(run.rounds, scenario.maxRounds ?? Infinity);

/** @param {import('./scenario.js').Case} testCase @param {{ params?: object }} driver @param {{ quick: boolean }} run */
export const paramsOf = (testCase, driver, run) => ({ ...testCase.params, ...(run.quick && testCase.quick), ...driver.params });

/** A driver that is absent is asked once; one that fails or hangs gets a second chance. @param {Row} row */
function isHopeless({ misses }) {
  return misses.length >= 2 || misses.some(({ status }) => status === 'not measured');
}
