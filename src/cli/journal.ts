/**
 * The journal of `--resume`: an append-only NDJSON file of finished items.
 *
 * Runs in the parent. First line: which job it belongs to; then `{"i":index,"h":hash of the input,"r":result}` in order
 * of completion. An entry is one write(2), done before its result is written anywhere else, so a killed run leaves
 * at most one torn line, which the next run cuts off. On disk within a second (fdatasync), and at close.
 */
import { hash } from 'node:crypto';
import { closeSync, constants, fdatasync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { EntryIndex } from './entry-index.js';
import { completeLines, type FileLine } from './file-lines.js';
import type { Item } from './source.js';
import { codeOf, CommandError, messageOf, UsageError } from './usage-error.js';

/** What a journal belongs to. */
export interface JobIdentity {
  readonly module: string;
  readonly export: string;
  readonly input: string;
}

/** A finished item. */
export interface JournalEntry {
  readonly item: Item;
  /** The result as JSON text. */
  readonly json: string;
}

/** An open journal; holds 12 bytes of memory per finished item. */
export class Journal {
  readonly #path: string;
  readonly #fd: number;
  readonly #index = new EntryIndex();
  #end = 0;
  #syncedAt = performance.now();
  #syncing = false;
  #closed = false;
  #syncError: Error | undefined;

  /**
   * Opens or creates the journal of `job` and reads what is finished.
   * @throws {UsageError} If the file is the journal of another job, or no journal.
   * @throws {CommandError} If it cannot be read or written.
   */
  constructor(path: string, job: JobIdentity) {
    this.#path = path;
    this.#fd = openJournal(path);
    try {
      this.#load(`${JSON.stringify({ journal: 'multiproc map', version: VERSION, job })}\n`, job);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  /** Number of finished items. */
  get size(): number {
    return this.#index.size;
  }

  /** Whether the item at this position is finished. */
  has(index: number): boolean {
    return this.#index.find(index) !== undefined;
  }

  /**
   * The stored result of a finished item as JSON text.
   * @throws {UsageError} If the input at this position is not the one that the journal knows.
   */
  read(item: Item): string {
    const found = this.#index.find(item.index);
    if (found === undefined) throw new RangeError(`item ${item.index} is not in the journal`);
    const bytes = Buffer.allocUnsafe(found.length);
    readSync(this.#fd, bytes, 0, found.length, found.offset);
    const entry = ENTRY.exec(bytes.toString('utf8'));
    if (entry === null) throw new CommandError(`journal '${this.#path}' was changed by somebody else while it was read`);
    if (entry[2] !== hashOf(item.text)) {
      throw new UsageError(
        `journal '${this.#path}' belongs to other inputs: item ${item.index} is now '${shorten(item.text)}'; remove the journal to begin anew`,
      );
    }
    return entry[3] ?? 'null';
  }

  /**
   * Adds finished items, all in one write.
   * @throws {CommandError} If the journal cannot be written, for instance because the disk is full.
   */
  append(entries: readonly JournalEntry[]): void {
    if (this.#closed || entries.length === 0) return;
    if (this.#syncError !== undefined) throw this.#failure(this.#syncError);
    let text = '';
    let offset = this.#end;
    for (const { item, json } of entries) {
      const line = `{"i":${item.index},"h":"${hashOf(item.text)}","r":${json}}`;
      const length = Buffer.byteLength(line);
      this.#index.add(item.index, offset, length);
      offset += length + 1;
      text += `${line}\n`;
    }
    this.#write(text);
    this.#syncSoon();
  }

  /** Puts everything on disk and closes the file. Harmless when called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      fsyncSync(this.#fd);
    } catch (error) {
      throw this.#failure(error);
    } finally {
      if (!this.#syncing) closeSync(this.#fd);
    }
  }

  #load(header: string, job: JobIdentity): void {
    const size = fstatSync(this.#fd).size;
    for (const line of completeLines(this.#fd)) {
      if (line.offset === 0) this.#checkHeader(line.text, job);
      else this.#loadEntry(line);
      this.#end = line.offset + line.length + 1;
    }
    if (this.#end === 0) this.#refuseForeignStart(header, size);
    if (size > this.#end) ftruncateSync(this.#fd, this.#end);
    if (this.#end === 0) this.#write(header);
  }

  #checkHeader(text: string, job: JobIdentity): void {
    const header = parseHeader(text);
    if (header === undefined) throw new UsageError(`'${this.#path}' is no journal of multiproc map`);
    if (header.version !== VERSION)
      throw new UsageError(`journal '${this.#path}' has version ${header.version}, this multiproc writes ${VERSION}`);
    const differing = (['module', 'export', 'input'] as const).find((key) => header.job[key] !== job[key]);
    if (differing === undefined) return;
    throw new UsageError(
      `journal '${this.#path}' belongs to another job: its ${differing} is '${header.job[differing]}', this run's is '${job[differing]}'`,
    );
  }

  #loadEntry(line: FileLine): void {
    const entry = ENTRY.exec(line.text);
    if (entry === null || !isJson(entry[3] ?? '')) {
      throw new UsageError(`journal '${this.#path}' is damaged at byte ${line.offset}: remove it, or cut it off there`);
    }
    this.#index.add(Number(entry[1]), line.offset, line.length);
  }

  /** A file without a complete line is new, or was killed while its first line was written; or it is somebody's. */
  #refuseForeignStart(header: string, size: number): void {
    const start = Buffer.alloc(Math.min(size, header.length));
    readSync(this.#fd, start, 0, start.length, 0);
    if (size > Buffer.byteLength(header) || !header.startsWith(start.toString('utf8'))) {
      throw new UsageError(`'${this.#path}' is no journal of multiproc map`);
    }
  }

  #write(text: string): void {
    const bytes = Buffer.from(text);
    try {
      for (let written = 0; written < bytes.length; ) {
        written += writeSync(this.#fd, bytes, written, bytes.length - written, this.#end + written);
      }
    } catch (error) {
      throw this.#failure(error);
    }
    this.#end += bytes.length;
  }

  #syncSoon(): void {
    const now = performance.now();
    if (this.#syncing || now - this.#syncedAt < SYNC_INTERVAL_MS) return;
    this.#syncing = true;
    this.#syncedAt = now;
    fdatasync(this.#fd, (error) => {
      this.#syncing = false;
      if (error !== null) this.#syncError = error;
      if (this.#closed) closeSync(this.#fd);
    });
  }

  #failure(error: unknown): CommandError {
    return new CommandError(`cannot write the journal '${this.#path}': ${messageOf(error)}`, { cause: error });
  }
}

function openJournal(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o666);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new UsageError(`cannot create the journal '${path}': its directory does not exist`);
    throw new CommandError(`cannot open the journal '${path}': ${messageOf(error)}`);
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new UsageError(`the journal '${path}' is no regular file`);
}

function parseHeader(text: string): { version: unknown; job: Record<keyof JobIdentity, unknown> } | undefined {
  if (!isJson(text)) return undefined;
  const header = JSON.parse(text) as { journal?: unknown; version?: unknown; job?: Record<keyof JobIdentity, unknown> } | null;
  return header?.journal === 'multiproc map' && header.job ? { version: header.version, job: header.job } : undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function hashOf(text: string): string {
  return hash('sha256', text).slice(0, HASH_DIGITS);
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

const VERSION = 1;
const HASH_DIGITS = 16;
const ENTRY = /^\{"i":(\d{1,15}),"h":"([0-9a-f]{16})","r":(.*)\}$/s;
const SYNC_INTERVAL_MS = 1000;
