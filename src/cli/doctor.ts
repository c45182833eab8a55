/**
 * `multiproc doctor`: runs every check and prints one line each.
 *
 * Runs in the parent. A check that throws has failed; no check ends the others.
 */
import { type Check, DOCTOR_CHECKS, type Finding } from './doctor-checks.js';
import { DOCTOR_OPTIONS } from './doctor-options.js';
import { parseArguments } from './arguments.js';
import { DOCTOR_HELP } from './help.js';
import { type CliHost, print } from './host.js';
import { messageOf, UsageError } from './usage-error.js';

/**
 * Runs `multiproc doctor <args>`.
 * @returns 0 if nothing failed, else 1.
 * @throws {UsageError} If a word is wrong.
 */
export async function runDoctor(args: readonly string[], host: CliHost): Promise<number> {
  const { flags, positionals } = parseArguments(args, DOCTOR_OPTIONS);
  if (flags.has('help')) return print(DOCTOR_HELP, host);
  if (positionals.length > 0) throw new UsageError(`unexpected word '${positionals[0]}': doctor takes options only`);
  const findings: NamedFinding[] = [];
  for (const [name, check] of Object.entries(DOCTOR_CHECKS)) findings.push({ name, ...(await run(check, host)) });
  const ok = findings.every((finding) => finding.status !== 'FAIL');
  await print(flags.has('json') ? `${JSON.stringify({ ok, findings }, null, 2)}\n` : report(findings, ok), host);
  return ok ? 0 : 1;
}

type NamedFinding = Finding & { readonly name: string };

async function run(check: Check, host: CliHost): Promise<Finding> {
  try {
    return await check(host);
  } catch (error) {
    return { status: 'FAIL', detail: messageOf(error) };
  }
}

function report(findings: readonly NamedFinding[], ok: boolean): string {
  const width = Math.max(...findings.map((finding) => finding.name.length));
  const lines = findings.map(({ status, name, detail, advice }) => {
    const line = `${status.padEnd(4)}  ${name.padEnd(width)}  ${detail}\n`;
    return advice === undefined ? line : `${line}${' '.repeat(width + 8)}→ ${advice}\n`;
  });
  const warnings = findings.filter((finding) => finding.status === 'warn').length;
  const verdict = ok
    ? `This machine can run everything${warnings === 0 ? '' : ` (${warnings} ${warnings === 1 ? 'warning' : 'warnings'})`}.`
    : 'This machine cannot run everything: see FAIL above.';
  return `${lines.join('')}\n${verdict}\n`;
}
