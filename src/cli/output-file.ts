/**
 * The file of `--output`: it appears when it is complete, and until then its text is in `FILE.partial`.
 *
 * Runs in the parent. What is no regular file (a FIFO, `/dev/null`) is written directly.
 */
import { closeSync, fsyncSync, openSync, renameSync, statSync } from 'node:fs';
import { CommandError, messageOf } from './usage-error.js';

/** An open output file; the text itself goes through a `LineSink` on `fd`. */
export class OutputFile {
  readonly fd: number;
  /** Where the text is before `complete()`. */
  readonly partialPath: string;
  readonly #path: string;

  /** @throws {CommandError} If the file cannot be created. */
  constructor(path: string) {
    const stats = statSync(path, { throwIfNoEntry: false });
    this.#path = path;
    this.partialPath = stats === undefined || stats.isFile() ? `${path}.partial` : path;
    try {
      this.fd = openSync(this.partialPath, 'w');
    } catch (error) {
      throw new CommandError(`cannot write '${path}': ${messageOf(error)}`);
    }
  }

  /**
   * Puts the text on disk under its own name.
   * @throws {CommandError} If the disk is full or the name cannot be taken.
   */
  complete(): void {
    try {
      if (this.partialPath !== this.#path) {
        fsyncSync(this.fd);
        renameSync(this.partialPath, this.#path);
      }
      closeSync(this.fd);
    } catch (error) {
      throw new CommandError(`cannot write '${this.#path}': ${messageOf(error)}`);
    }
  }

  /** Gives up: what is written stays in `partialPath`. */
  abandon(): void {
    closeSync(this.fd);
  }
}
