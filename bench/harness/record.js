/**
 * What a run was measured on, and the JSON file that keeps it. Runs in the bench process.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { figuresOf } from './table.js';

const BENCH = new URL('../', import.meta.url);

/**
 * @param {{ node: string, python: string }} run
 * @param {string[]} packages
 */
export function environmentOf(run, packages) {
  return {
    machine: {
      cpu: os.cpus()[0]?.model.trim(),
      cores: os.cpus().length,
      usableCores: os.availableParallelism(),
      memoryMb: Math.round(os.totalmem() / 2 ** 20),
      kernel: `${os.type()} ${os.release()}`,
      arch: os.arch(),
    },
    node: output(run.node, ['-p', 'process.version']),
    python: output(run.python, ['-c', 'import platform; print(platform.python_version())']),
    peers: Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
    commit: output('git', ['rev-parse', 'HEAD']),
    uncommittedChanges: Boolean(output('git', ['status', '--porcelain'])),
    nodeExtraCaCerts: process.env.NODE_EXTRA_CA_CERTS ?? null,
  };
}

/** @param {ReturnType<typeof environmentOf>} environment @returns {string} */
export function environmentLines({ machine, node, python, peers, commit, uncommittedChanges }) {
  const listed = Object.entries(peers).map(([name, version]) => `${name} ${version ?? '(absent)'}`);
  return [
    `${machine.cpu}, ${machine.usableCores} of ${machine.cores} CPUs, ${machine.memoryMb} MiB, ${machine.kernel} ${machine.arch}`,
    `Node ${node ?? '(absent)'}, Python ${python ?? '(absent)'}, commit ${commit?.slice(0, 10) ?? '(none)'}${uncommittedChanges ? ' with uncommitted changes' : ''}`,
    ...(listed.length ? [listed.join(', ')] : []),
  ].join('\n');
}

/** @returns {string | null} a warning if the machine is busy with something else */
export function noiseWarning(load = os.loadavg()[0]) {
  if (load < BUSY_LOAD_PER_CPU * os.availableParallelism()) return null;
  return `NOISY: load average ${load.toFixed(1)} on ${os.availableParallelism()} CPUs before the first measurement. Trust gains a little, absolute figures not at all.`;
}

/**
 * @param {object} header
 * @param {{ scenario: import('./scenario.js').Scenario, cases: { testCase: import('./scenario.js').Case, params: object, rows: import('./schedule.js').Row[] }[] }[]} results
 * @returns {string} the path written
 */
export function writeRecord(header, results) {
  const folder = new URL('results/', BENCH);
  mkdirSync(folder, { recursive: true });
  const file = new URL(`${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.json`, folder);
  const scenarios = results.map(({ scenario, cases }) => ({
    name: scenario.name,
    about: scenario.about,
    cases: cases.map(({ testCase, params, rows }) => {
      const better = testCase.better ?? 'lower';
      const figures = figuresOf(rows, better);
      return {
        name: testCase.name,
        unit: testCase.unit,
        better,
        params,
        rows: rows.map((row, index) => ({ ...row, ...figures[index] })),
      };
    }),
  }));
  writeFileSync(file, `${JSON.stringify({ format: 1, ...header, scenarios }, null, 2)}\n`);
  return file.pathname;
}

/** @param {string} name @returns {string | null} the installed version, found as Node would find it */
function versionOf(name) {
  for (let folder = BENCH; ; folder = new URL('../', folder)) {
    try {
      return JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, folder), 'utf8')).version;
    } catch {
      if (folder.pathname === '/') return null;
    }
  }
}

/** @param {string} command @param {string[]} args @returns {string | null} */
function output(command, args) {
  try {
    return execFileSync(command, args, { cwd: BENCH, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}

const BUSY_LOAD_PER_CPU = 0.5;
