#!/usr/bin/env node
/**
 * The `multiproc` command.
 *
 * Runs in the parent; acts on import, so nothing else imports it.
 */
import { availableParallelism } from 'node:os';
import { runCommandLine } from './cli.js';
import { createExecutorRunner } from './executor-runner.js';

const exitCode = await runCommandLine(process.argv.slice(2), {
  stdin: process.stdin,
  stdoutFd: 1,
  stderr: process.stderr,
  cwd: process.cwd(),
  env: process.env,
  createRunner: createExecutorRunner,
  cpuCount: availableParallelism(),
});
process.exit(exitCode);
