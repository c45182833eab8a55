/**
 * The command line: which verb, and what becomes of its errors.
 *
 * Runs in the parent. Never ends the process: `main.ts` does, with the exit code it gets from here.
 */
import { readFileSync } from 'node:fs';
import { escapeControls } from '../logging/escape-controls.js';
import { runDoctor } from './doctor.js';
import { MAIN_HELP } from './help.js';
import { type CliHost, print } from './host.js';
import { runMap } from './map.js';
import { didYouMean } from './suggest.js';
import { CommandError, UsageError } from './usage-error.js';

/** Runs one command line (without `node` and the script); resolves to the exit code. */
export async function runCommandLine(args: readonly string[], host: CliHost): Promise<number> {
  try {
    return await runVerb(args, host);
  } catch (error) {
    if (error instanceof UsageError) {
      const verb = VERBS.includes(args[0] ?? '') ? ` ${args[0]}` : '';
      await host.stderr.write(
        `multiproc${verb}: ${escapeControls(error.message, { newlines: true })}\nTry 'multiproc${verb} --help'.\n`,
      );
      return 2;
    }
    const text =
      error instanceof CommandError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
    await host.stderr.write(`multiproc: ${escapeControls(text, { newlines: true })}\n`);
    return 1;
  }
}

async function runVerb([verb, ...rest]: readonly string[], host: CliHost): Promise<number> {
  switch (verb) {
    case 'map':
      return runMap(rest, host);
    case 'doctor':
      return runDoctor(rest, host);
    case '--help':
    case '-h':
    case 'help':
      return print(MAIN_HELP, host);
    case '--version':
    case '-v':
      return print(`${packageVersion()}\n`, host);
    case undefined:
      throw new UsageError(`no command given; there are ${VERBS.join(' and ')}`);
    default:
      throw new UsageError(
        `unknown ${verb.startsWith('-') ? 'option' : 'command'} '${verb}'${didYouMean(verb, [...VERBS, '--help', '--version'])}`,
      );
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

const VERBS: readonly string[] = ['map', 'doctor'];
