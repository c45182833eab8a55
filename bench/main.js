/**
 * `npm run bench`: runs the scenarios, prints a table per case and writes the record. See README.md.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import os from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { endFamily } from './harness/family.js';
import { environmentLines, environmentOf, noiseWarning, writeRecord } from './harness/record.js';
import { loadScenarios } from './harness/scenario.js';
import { paramsOf, roundsOf, runCase } from './harness/schedule.js';
import { tableOf } from './harness/table.js';

const HELP = `Usage: npm run bench -- [options]
  --only NAME     scenarios whose name starts with NAME; repeatable
  --driver NAME   drivers whose name contains NAME; repeatable
  --rounds N      measurements per driver and case (default 7)
  --quick         3 rounds with small parameters
  --node PATH     Node to measure (default: this one)
  --python PATH   CPython to measure (default: python3)
  --list          scenarios, cases and drivers
  --help`;

const ROUNDS = 7;
const QUICK_ROUNDS = 3;

process.exitCode = await main();

async function main() {
  const options = optionsOf(process.argv.slice(2));
  if (typeof options === 'string') return (console.error(`${options}\n${HELP}`), 2);
  if (options.help) return (console.log(HELP), 0);
  const chosen = choose(await loadScenarios(), options);
  if (chosen.length === 0) return (console.error('No scenario has such a name and such a driver; see --list'), 2);
  if (options.list) return (console.log(chosen.map(listing).join('\n')), 0);

  const stop = stopSwitch();
  const run = { ...options, token: randomUUID(), stop, progress };
  const janitor = startJanitor(run.token);
  const packages = new Set(chosen.flatMap(({ drivers }) => drivers.flatMap((driver) => driver.packages ?? [])));
  const environment = environmentOf(run, [...packages].sort());
  console.log(environmentLines(environment));
  const startedAt = new Date().toISOString();
  const loadBefore = os.loadavg();
  const warning = noiseWarning();
  if (warning) console.log(warning);

  const results = [];
  for (const { source, drivers } of chosen) {
    const { scenario } = source;
    if (stop.requested) break;
    console.log(`\n# ${scenario.name}: ${scenario.about}`);
    const cases = [];
    results.push({ scenario, cases });
    for (const testCase of scenario.cases) {
      if (stop.requested) break;
      const params = paramsOf(testCase, {}, run);
      const facts = [...Object.entries(params).map(([name, value]) => `${name} ${value}`), `rounds ${roundsOf(scenario, run)}`];
      console.log(`\n${facts.join(', ')}`);
      const rows = await runCase(source, testCase, drivers, run);
      cases.push({ testCase, params, rows });
      console.log(tableOf(scenario.name, testCase, rows));
    }
  }

  const complete = !stop.requested;
  const header = {
    startedAt,
    endedAt: new Date().toISOString(),
    complete,
    arguments: process.argv.slice(2),
    rounds: run.rounds,
    quick: run.quick,
    loadAverage: { before: loadBefore, after: os.loadavg() },
    noisy: warning !== null,
    ...environment,
  };
  console.log(`\n${complete ? '' : 'Stopped. '}Record: ${writeRecord(header, results)}`);
  await endFamily(run.token);
  janitor.stdin.end();
  if (!complete) return 130;
  return results.some(({ cases }) => cases.some(({ rows }) => rows.some(brokeOurs))) ? 1 : 0;
}

/** @param {string[]} args @returns {any} options, or what is wrong with them */
function optionsOf(args) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        only: { type: 'string', multiple: true, default: [] },
        driver: { type: 'string', multiple: true, default: [] },
        rounds: { type: 'string' },
        quick: { type: 'boolean', default: false },
        node: { type: 'string', default: process.execPath },
        python: { type: 'string', default: 'python3' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const rounds = Number(values.rounds ?? (values.quick ? QUICK_ROUNDS : ROUNDS));
    if (!Number.isInteger(rounds) || rounds < 1) return `Cannot run --rounds ${values.rounds}: it must be a whole number above 0`;
    return { ...values, rounds, node: absolute(values.node), python: absolute(values.python) };
  } catch (error) {
    return /** @type {Error} */ (error).message;
  }
}

/** A path made absolute; a bare command stays for PATH. @param {string} command */
function absolute(command) {
  return command.includes('/') ? resolve(command) : command;
}

/** @returns {{ source: any, drivers: import('./harness/scenario.js').Driver[] }[]} */
function choose(sources, { only, driver: words }) {
  return sources
    .filter(({ scenario }) => only.length === 0 || only.some((name) => scenario.name.startsWith(name)))
    .map((source) => ({ source, drivers: source.scenario.drivers.filter((driver) => isWanted(driver, words)) }))
    .filter(({ drivers }) => drivers.length > 0);
}

function isWanted(driver, words) {
  if (driver.applies && !driver.applies()) return false;
  return words.length === 0 || words.some((word) => driver.name.toLowerCase().includes(word.toLowerCase()));
}

function listing({ source: { scenario }, drivers }) {
  return [
    `${scenario.name}: ${scenario.about}`,
    ...scenario.cases.map(({ name, unit }) => `  case    ${name} (${unit})`),
    ...drivers.map(({ name }) => `  driver  ${name}`),
  ].join('\n');
}

/** Ctrl-C ends the current measurement and its family; the tables and the record so far are kept. */
function stopSwitch() {
  /** @type {(value: 'stopped') => void} */
  let tell;
  const stop = { requested: false, promise: new Promise((settle) => (tell = settle)) };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      stop.requested = true;
      tell('stopped');
    });
  }
  return stop;
}

function startJanitor(token) {
  const file = fileURLToPath(new URL('harness/janitor.js', import.meta.url));
  const janitor = spawn(process.execPath, [file, token], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  janitor.unref();
  return janitor;
}

/** @param {string} text one line on a terminal, nothing elsewhere */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
}

/** @param {import('./harness/schedule.js').Row} row */
function brokeOurs({ ours, misses }) {
  return ours && misses.some(({ status }) => status === 'failed' || status === 'hung');
}
