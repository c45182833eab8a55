/**
 * `multiproc map`: opens everything a run needs, runs it, closes everything again, and says how it went.
 *
 * Runs in the parent. The run itself is `map-run.ts`.
 */
import { resolve } from 'node:path';
import { escapeControls } from '../logging/escape-controls.js';
import { MAP_HELP } from './help.js';
import { type CliHost, print } from './host.js';
import { Journal } from './journal.js';
import { LineSink } from './line-sink.js';
import { MapRun } from './map-run.js';
import type { ErrorRecord, Target } from './map-task.js';
import { type MapOptions, parseMapOptions } from './map-options.js';
import { resolveTarget } from './module-spec.js';
import { OutputFile } from './output-file.js';
import { Progress } from './progress.js';
import { describeItem, type Item, openSource, type Source } from './source.js';
import { dieBySignal, signalExitCode, stopOnSignals, StopSwitch } from './stop.js';
import type { TaskRunner } from './task-runner.js';
import { codeOf, CommandError, messageOf, UsageError } from './usage-error.js';

/**
 * Runs `multiproc map <args>`.
 * @returns The exit code.
 * @throws {UsageError} If a word is wrong; nothing was written then.
 */
export async function runMap(args: readonly string[], host: CliHost): Promise<number> {
  const options = parseMapOptions(args);
  if (options.help) {
    return print(MAP_HELP, host);
  }
  const target = resolveTarget(options.module, host.cwd);
  const source = openSource(options, host);
  const processes = options.processes ?? host.cpuCount;
  const runner = await host.createRunner(processes);
  const stop = new StopSwitch();
  const session: Session = { args, options, host, target, source, processes, runner, stop };
  const removeHandlers = stopOnSignals(stop, () => void runner.kill());
  try {
    return await runSession(session);
  } finally {
    host.stdin.destroy();
    removeHandlers();
  }
}

interface Session {
  readonly args: readonly string[];
  readonly options: MapOptions;
  readonly host: CliHost;
  readonly target: Target;
  readonly source: Source;
  readonly processes: number;
  readonly runner: TaskRunner;
  readonly stop: StopSwitch;
}

async function runSession(session: Session): Promise<number> {
  const { runner, stop } = session;
  try {
    await Promise.race([checkTarget(session), stop.stopped()]);
    if (stop.reason === undefined) return await runOpened(session);
    await runner.kill();
    if (stop.reason.kind !== 'signal') return 1;
    void session.host.stderr.write(`multiproc: stopped by ${stop.reason.signal} before the first item\n`);
    return signalExitCode(stop.reason.signal);
  } catch (error) {
    await runner.kill();
    throw error;
  }
}

async function checkTarget({ runner, target }: Session): Promise<void> {
  const problem = await runner.check(target).catch((error: unknown) => {
    throw new CommandError(`module '${target.spec}' cannot be loaded: ${messageOf(error)}`, { cause: error });
  });
  if (problem === null) return;
  if (problem.kind !== 'load-failed') throw new UsageError(problem.message);
  throw new CommandError(`module '${target.spec}' failed while it was loaded:\n${problem.message}`);
}

async function runOpened(session: Session): Promise<number> {
  const { options, host, target, source, stop, runner, processes } = session;
  const files = openFiles(session);
  const stdoutSink = new LineSink(files.output?.fd ?? host.stdoutFd, (error) => stop.stop(writeFailure(error, options.output)));
  const errorSink = files.errors && new LineSink(files.errors.fd, (error) => stop.stop(writeFailure(error, options.errors)));
  const onItemError = (item: Item, error: ErrorRecord): Promise<unknown> => {
    const record = { index: item.index, input: item.text, at: item.at && describeItem(item), error };
    return Promise.all([
      progress.message(describeFailure(item, error, options)),
      errorSink?.write(`${JSON.stringify(record)}\n`),
    ]);
  };
  const run = new MapRun({
    options,
    target,
    source,
    runner,
    processes,
    journal: files.journal,
    sink: stdoutSink,
    onItemError,
    stop,
  });
  const progress = new Progress(host.stderr, { wanted: wantsProgress(session), env: host.env, counts: () => run.counts });
  if (readsTerminal(session))
    await progress.message('multiproc: reading items from the terminal, one per line; Ctrl-D ends them');
  await run.run();
  await endWorkers(session);
  const outputs = [stdoutSink, ...(errorSink === undefined ? [] : [errorSink])];
  const written = await flushed(outputs, stop);
  progress.stop();
  const exitCode = finish(session, { files, run });
  if (stop.reason?.kind === 'signal' && !((await flushed([host.stderr], stop)) && written)) dieBySignal(stop.reason.signal);
  return exitCode;
}

interface OpenFiles {
  readonly journal: Journal | undefined;
  readonly output: OutputFile | undefined;
  readonly errors: OutputFile | undefined;
}

function openFiles({ options, host, target, source }: Session): OpenFiles {
  const path = (name: string | undefined): string | undefined => (name === undefined ? undefined : resolve(host.cwd, name));
  const [journal, output, errors] = [path(options.resume), path(options.output), path(options.errors)];
  const job = { module: target.url ?? target.spec, export: target.exportName, input: source.format };
  return {
    journal: journal === undefined ? undefined : new Journal(journal, job),
    output: output === undefined ? undefined : new OutputFile(output),
    errors: errors === undefined ? undefined : new OutputFile(errors),
  };
}

async function endWorkers({ runner, stop }: Session): Promise<void> {
  if (stop.reason === undefined) await runner.shutdown();
  else if (stop.reason.kind === 'signal') await runner.terminate();
  else await runner.kill();
}

/** Whether everything is written: after a signal, a reader who does not read gets a moment only. */
async function flushed(outputs: readonly { flush(): Promise<void> }[], stop: StopSwitch): Promise<boolean> {
  const all = Promise.all(outputs.map((output) => output.flush())).then(() => true);
  if (stop.reason?.kind !== 'signal') return all;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, FLUSH_GRACE_MS, false);
  });
  return Promise.race([all, late]).finally(() => clearTimeout(timer));
}

function finish(session: Session, { files, run }: { files: OpenFiles; run: MapRun }): number {
  const { stop, host, options } = session;
  files.journal?.close();
  files.errors?.complete();
  const reason = stop.reason;
  if (reason === undefined || reason.kind === 'reader-gone') {
    files.output?.complete();
    return run.counts.failed > 0 ? 1 : 0;
  }
  files.output?.abandon();
  if (reason.kind === 'failed') throw reason.error instanceof UsageError ? reason.error : asCommandError(reason.error, session);
  const { done, total } = run.counts;
  const count = `${done}${total === undefined ? '' : ` of ${total}`} ${(total ?? done) === 1 ? 'item' : 'items'}`;
  const how = reason.kind === 'signal' ? `stopped by ${reason.signal}` : 'stopped at the first failed item';
  void host.stderr.write(`multiproc: ${how}; ${count} done. ${howToGoOn(session)}\n`);
  if (options.output !== undefined) void host.stderr.write(`multiproc: results so far are in '${files.output?.partialPath}'\n`);
  return reason.kind === 'signal' ? signalExitCode(reason.signal) : 1;
}

function asCommandError(error: unknown, session: Session): CommandError {
  const hint = session.options.resume === undefined ? '' : ` ${howToGoOn(session)}`;
  return new CommandError(`${messageOf(error)}.${hint}`, { cause: error });
}

function howToGoOn({ args, options }: Session): string {
  if (options.resume === undefined) return 'With --resume FILE a run can go on where it was.';
  return `Go on with: multiproc map ${args.map(quoted).join(' ')}`;
}

/** As a POSIX shell reads it back. */
function quoted(word: string): string {
  return /^[\w@%+=:,./#-]+$/.test(word) && !word.startsWith('#') ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function writeFailure(error: unknown, file: string | undefined): Parameters<StopSwitch['stop']>[0] {
  if (file === undefined && codeOf(error) === 'EPIPE') return { kind: 'reader-gone' };
  return {
    kind: 'failed',
    error: new CommandError(`cannot write ${file === undefined ? 'to stdout' : `'${file}'`}: ${messageOf(error)}`),
  };
}

/** The one line of a skipped item; with the stack where it ends the run. */
function describeFailure(item: Item, error: ErrorRecord, options: MapOptions): string {
  const summary = `multiproc: item ${item.index} (${describeItem(item)}) failed: `;
  const stops = options.onError === 'stop' && error.stack !== undefined;
  // A file name or what a function says of it may hold what a terminal obeys.
  return escapeControls(`${summary}${stops ? error.stack : `${error.name}: ${error.message}`}`, { newlines: stops });
}

/** A bar would stand between the results where both go to the terminal. */
function wantsProgress({ options, host }: Session): boolean | undefined {
  return options.progress ?? (host.stdoutIsTerminal && options.output === undefined ? false : undefined);
}

function readsTerminal({ options, host }: Session): boolean {
  return host.stdin.isTTY === true && options.inputs.length === 0 && (options.filesFrom ?? '-') === '-';
}

const FLUSH_GRACE_MS = 500;
