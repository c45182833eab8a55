/**
 * The shape of a scenario, and how scenario files are found. Runs in the bench process and in every measurement.
 * Loading a scenario never loads a competitor.
 *
 * @typedef {Record<string, any>} Params
 *
 * @typedef {object} Case one table: one figure per driver
 * @property {string} name
 * @property {string} unit
 * @property {'lower' | 'higher'} [better] default 'lower'
 * @property {Params} [params]
 * @property {Params} [quick] laid over `params` with --quick
 *
 * @typedef {object} Driver one competitor; either `measure` or `python`
 * @property {string} name
 * @property {boolean} [ours]
 * @property {(params: Params) => Promise<number>} [measure] runs in a fresh Node process
 * @property {string} [python] a function of drivers/cpython.py, run in a fresh CPython process
 * @property {Params} [params] laid over those of the case
 * @property {string[]} [packages] npm packages whose versions belong in the record
 * @property {Record<string, string | undefined>} [env]
 * @property {() => boolean} [applies]
 *
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} about
 * @property {Case[]} cases
 * @property {Driver[]} drivers
 * @property {Record<string, string | undefined>} [env]
 * @property {number} [deadlineMs] of one measurement
 * @property {number} [maxRounds]
 */
import { readdirSync } from 'node:fs';

const SCENARIOS = new URL('../scenarios/', import.meta.url);

/** @returns {Promise<{ scenario: Scenario, file: URL }[]>} all scenarios, in the order of their file names */
export async function loadScenarios() {
  const names = readdirSync(SCENARIOS)
    .filter((name) => /\.m?js$/.test(name))
    .sort();
  const found = [];
  for (const name of names) {
    const file = new URL(name, SCENARIOS);
    for (const scenario of await scenariosIn(file)) found.push({ scenario, file });
  }
  return found;
}

/** @param {URL | string} file @returns {Promise<Scenario[]>} none if the file is no scenario */
export async function scenariosIn(file) {
  const module = await import(String(file));
  return module.scenarios ?? (module.scenario ? [module.scenario] : []);
}

/**
 * Measures by an export of a driver, which is loaded then.
 * @param {string} file of drivers/
 * @param {string} run
 * @returns {(params: Params) => Promise<number>}
 */
export const measureBy = (file, run) => async (params) => (await import(`../drivers/${file}.js`))[run](params);
