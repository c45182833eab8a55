/**
 * The items of a run, in order: paths, lines or JSON lines, from arguments, files or stdin.
 *
 * Runs in the parent. Reads ahead only as far as it is asked, so memory does not grow with the input.
 */
import { accessSync, constants, createReadStream, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import type { InputFormat, MapOptions } from './map-options.js';
import { expandPaths } from './paths.js';
import { type Separator, splitRecords } from './records.js';
import { messageOf, UsageError } from './usage-error.js';

/** One item of the input. */
export interface Item {
  /** Position in the whole input, from 0. */
  readonly index: number;
  /** The path or the line. */
  readonly text: string;
  /** Where a line stands; undefined: the item is a path and speaks for itself. */
  readonly at: { readonly file: string; readonly line: number } | undefined;
}

/** All items of a run. */
export interface Source {
  readonly format: InputFormat;
  /** Undefined: not known before the end. */
  readonly total: number | undefined;
  /** Items in groups as they become available. Ends early, without error, when `signal` aborts. */
  groups(signal: AbortSignal): AsyncGenerator<Item[]>;
}

/** What a source may read. */
export interface SourcePlace {
  readonly cwd: string;
  readonly stdin: Readable;
}

/**
 * Finds out what the items are; checks what can be checked before the first one.
 * @throws {UsageError} If a file to be read is missing, or a pattern matches nothing.
 */
export function openSource(options: MapOptions, place: SourcePlace): Source {
  const separator: Separator = options.nullSeparated ? '\0' : '\n';
  const named = options.inputs.length > 0 || options.filesFrom !== undefined;
  const format = options.input ?? (named ? 'files' : 'lines');
  if (format === 'files') return pathSource(options, separator, place);
  const files = named ? listedFiles(options, separator, place) : ['-'];
  for (const file of files) checkReadable(file, place.cwd);
  const lineSeparator = format === 'lines' ? separator : '\n';
  return { format, total: undefined, groups: (signal) => lineItems(files, { format, separator: lineSeparator, signal }, place) };
}

/** Where an item comes from, for messages: `items.txt:3`, or the path itself. */
export function describeItem(item: Item): string {
  return item.at === undefined ? item.text : `${item.at.file}:${item.at.line}`;
}

function pathSource(options: MapOptions, separator: Separator, place: SourcePlace): Source {
  const list = options.filesFrom ?? (options.inputs.length > 0 ? undefined : '-');
  if (list !== undefined && !isSmallFile(list, place.cwd)) {
    checkReadable(list, place.cwd);
    return { format: 'files', total: undefined, groups: (signal) => streamedPaths(list, separator, signal, place) };
  }
  const paths =
    list === undefined
      ? expandPaths(options.inputs, { cwd: place.cwd, recursive: options.recursive })
      : readList(list, separator, place);
  return { format: 'files', total: paths.length, groups: (signal) => listedPaths(paths, signal) };
}

async function* listedPaths(paths: readonly string[], signal: AbortSignal): AsyncGenerator<Item[]> {
  for (let start = 0; start < paths.length && !signal.aborted; start += GROUP_ITEMS) {
    yield paths.slice(start, start + GROUP_ITEMS).map((text, at) => ({ index: start + at, text, at: undefined }));
  }
}

async function* streamedPaths(
  list: string,
  separator: Separator,
  signal: AbortSignal,
  place: SourcePlace,
): AsyncGenerator<Item[]> {
  let index = 0;
  for await (const records of recordsOf(list, separator, signal, place)) {
    yield records.filter((path) => path !== '').map((text) => ({ index: index++, text, at: undefined }));
  }
}

async function* lineItems(
  files: readonly string[],
  how: { format: InputFormat; separator: Separator; signal: AbortSignal },
  place: SourcePlace,
): AsyncGenerator<Item[]> {
  let index = 0;
  for (const file of files) {
    const name = file === '-' ? '<stdin>' : file;
    let line = 0;
    for await (const records of recordsOf(file, how.separator, how.signal, place)) {
      const group: Item[] = [];
      for (const text of records) {
        line++;
        if (how.format === 'ndjson' && text.trim() === '') continue;
        group.push({ index: index++, text, at: { file: name, line } });
      }
      yield group;
    }
  }
}

async function* recordsOf(file: string, separator: Separator, signal: AbortSignal, place: SourcePlace): AsyncGenerator<string[]> {
  if (signal.aborted) return;
  const stream = addAbortSignal(signal, file === '-' ? place.stdin : createReadStream(resolve(place.cwd, file)));
  try {
    yield* splitRecords(stream as AsyncIterable<Buffer>, separator);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function listedFiles(options: MapOptions, separator: Separator, place: SourcePlace): string[] {
  if (options.filesFrom === undefined) return expandPaths(options.inputs, { cwd: place.cwd, recursive: options.recursive });
  if (options.filesFrom === '-')
    throw new UsageError("option '--files-from -' needs '--input files': stdin cannot be a list of files to read lines from");
  return readList(options.filesFrom, separator, place);
}

function readList(file: string, separator: Separator, { cwd }: SourcePlace): string[] {
  checkReadable(file, cwd);
  return readFileSync(resolve(cwd, file), 'utf8')
    .split(separator === '\n' ? /\r?\n/ : separator)
    .filter((path) => path !== '');
}

function isSmallFile(file: string, cwd: string): boolean {
  if (file === '-') return false;
  const stats = statSync(resolve(cwd, file), { throwIfNoEntry: false });
  return stats === undefined || (stats.isFile() && stats.size <= LIST_IN_MEMORY_BYTES);
}

function checkReadable(file: string, cwd: string): void {
  if (file === '-') return;
  try {
    accessSync(resolve(cwd, file), constants.R_OK);
  } catch (error) {
    throw new UsageError(`cannot read '${file}': ${messageOf(error)}`);
  }
  if (statSync(resolve(cwd, file)).isDirectory()) throw new UsageError(`cannot read '${file}': it is a directory`);
}

const GROUP_ITEMS = 1024;
const LIST_IN_MEMORY_BYTES = 64 * 1024 * 1024;
