#!/usr/bin/env node
/**
 * The `multiproc` command.
 *
 * Runs in the parent; acts on import, so nothing else imports it.
 */
import { isatty } from 'node:tty';
import { cpuCount } from '../index.js';
import { runCommandLine } from './cli.js';
import { createExecutorRunner } from './executor-runner.js';
import type { MessageStream } from './host.js';
import { LineSink } from './line-sink.js';

const messages = new LineSink(2, () => {});
const stderr: MessageStream = {
  isTTY: process.stderr.isTTY,
  get columns() {
    return process.stderr.columns;
  },
  write: (text) => messages.write(text),
  flush: () => messages.flush(),
};

const exitCode = await runCommandLine(process.argv.slice(2), {
  stdin: process.stdin,
  stdoutFd: 1,
  stdoutIsTerminal: isatty(1),
  stderr,
  cwd: process.cwd(),
  env: process.env,
  createRunner: createExecutorRunner,
  cpuCount: cpuCount(),
});
await messages.flush();
process.exit(exitCode);
