/**
 * One measurement: starts a fresh process for one driver, waits for its figure, ends its whole family. Runs in the bench
 * process. Never throws for what a driver does.
 *
 * @typedef {{ status: 'ok', value: number, remarks: string[], leftBehind: number }
 *   | { status: 'not measured' | 'failed' | 'hung' | 'stopped', reason: string, leftBehind: number }} Outcome
 */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TOKEN_NAME, endFamily } from './family.js';

/**
 * @param {object} what
 * @param {URL} what.file
 * @param {import('./scenario.js').Scenario} what.scenario
 * @param {import('./scenario.js').Driver} what.driver
 * @param {import('./scenario.js').Params} what.params
 * @param {import('./schedule.js').Run} run
 * @returns {Promise<Outcome>}
 */
export async function measure({ file, scenario, driver, params }, run) {
  const [command, ...args] = driver.python
    ? [run.python, CPYTHON, driver.python, JSON.stringify(params)]
    : [run.node, RUN_DRIVER, String(file), scenario.name, driver.name, JSON.stringify(params)];
  const env = { ...process.env, ...scenario.env, ...driver.env, [TOKEN_NAME]: run.token };
  const child = spawn(command, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const report = textOf(child.stdio[3]);
  const output = [textOf(child.stdout), textOf(child.stderr)];
  const ended = endOf(child);
  const verdict = await Promise.race([
    ended,
    report.firstLine.then(() => sleep(EXIT_GRACE_MS, 'lingering', { ref: false })),
    sleep(scenario.deadlineMs ?? DEADLINE_MS, 'hung', { ref: false }),
    run.stop.promise,
  ]);
  const killed = await endFamily(run.token, child.pid, verdict === 'ended' ? GRACE_MS : 0);
  const leftBehind = verdict === 'ended' || verdict === 'lingering' ? killed : 0;
  await Promise.race([Promise.all([report.done, ...output.map(({ done }) => done)]), sleep(PIPE_GRACE_MS)]);
  if (verdict === 'absent') return { status: 'not measured', reason: `absent: ${command} not found`, leftBehind };
  if (run.stop.requested) return { status: 'stopped', reason: 'stopped', leftBehind };
  if (verdict === 'hung')
    return { status: 'hung', reason: `no figure within ${scenario.deadlineMs ?? DEADLINE_MS} ms`, leftBehind };
  return outcomeOf(report.text(), child, output.map(({ text }) => text()).join('\n'), leftBehind);
}

/** @returns {Outcome} */
function outcomeOf(line, child, output, leftBehind) {
  const { value, remarks = [], notMeasured, error } = line ? JSON.parse(line) : {};
  if (Number.isFinite(value)) return { status: 'ok', value, remarks, leftBehind };
  if (notMeasured) return { status: 'not measured', reason: notMeasured, leftBehind };
  const ending = child.signalCode ? `killed by ${child.signalCode}` : `exit code ${child.exitCode}`;
  const reason =
    error ?? `${line ? `no finite figure (${line.trim()})` : 'no figure'}, ${ending}\n${output.trim().slice(-OUTPUT_CHARS)}`;
  return { status: 'failed', reason, leftBehind };
}

/** @returns {Promise<'ended' | 'absent'>} */
function endOf(child) {
  return new Promise((resolve) => {
    child.on('exit', () => resolve('ended'));
    child.on('error', () => resolve('absent'));
  });
}

/** @param {any} stream a readable one, or none */
function textOf(stream) {
  let text = '';
  stream
    ?.setEncoding('utf8')
    .on('data', (/** @type {string} */ chunk) => (text += chunk))
    .on('error', () => {});
  const firstLine = new Promise((resolve) => stream?.on('data', () => text.includes('\n') && resolve(text)));
  return { text: () => text, firstLine, done: new Promise((resolve) => stream?.on('close', resolve)) };
}

const RUN_DRIVER = fileURLToPath(new URL('run-driver.js', import.meta.url));
const CPYTHON = fileURLToPath(new URL('../drivers/cpython.py', import.meta.url));
const DEADLINE_MS = 60_000;
const GRACE_MS = 2_000; // for the family, after its first process has ended
const EXIT_GRACE_MS = 5_000; // for the first process, after it has reported
const PIPE_GRACE_MS = 500;
const OUTPUT_CHARS = 2_000;
