/**
 * What a command has of the world: its streams, its directory, its way to make worker processes.
 *
 * Runs in the parent.
 */
import type { Readable } from 'node:stream';
import { LineSink } from './line-sink.js';
import type { ProgressStream } from './progress.js';
import type { CreateRunner } from './task-runner.js';

/** stderr: written at its reader's pace, in order with the progress bar. */
export interface MessageStream extends ProgressStream {
  write(text: string): Promise<void>;
  flush(): Promise<void>;
}

/** Handed to every verb by `main.ts`. */
export interface CliHost {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** A descriptor, not a stream: see `LineSink`. */
  readonly stdoutFd: number;
  readonly stdoutIsTerminal: boolean;
  readonly stderr: MessageStream;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly createRunner: CreateRunner;
  /** CPUs that this process may use. */
  readonly cpuCount: number;
}

/** Writes a text to stdout; resolves to exit code 0. A reader who left does not matter. */
export async function print(text: string, host: CliHost): Promise<number> {
  const sink = new LineSink(host.stdoutFd, () => {});
  await sink.write(text);
  await sink.flush();
  return 0;
}
