/**
 * The options of `multiproc map`: the table, and the checked form that the rest of the verb works with.
 *
 * Runs in the parent. Never touches the file system: paths are only taken over.
 */
import { oneOf, type OptionSpec, type ParsedArguments, parseArguments, wholeNumber } from './arguments.js';
import { UsageError } from './usage-error.js';

/** What one item of the input is. */
export type InputFormat = 'files' | 'lines' | 'ndjson';

/** The checked command line of `multiproc map`. */
export interface MapOptions {
  readonly help: boolean;
  readonly module: string;
  readonly inputs: readonly string[];
  /** Undefined: not said; positional inputs are then paths, stdin is lines. */
  readonly input: InputFormat | undefined;
  readonly filesFrom: string | undefined;
  readonly nullSeparated: boolean;
  readonly recursive: boolean;
  readonly processes: number | undefined;
  /** Undefined: chosen from the items' run time. */
  readonly chunkSize: number | undefined;
  /** Milliseconds for one item. */
  readonly timeout: number | undefined;
  readonly retries: number;
  readonly onError: 'stop' | 'skip';
  readonly unordered: boolean;
  readonly withInput: boolean;
  readonly output: string | undefined;
  readonly errors: string | undefined;
  readonly resume: string | undefined;
  /** Undefined: where stderr is a terminal. */
  readonly progress: boolean | undefined;
}

/** Every option of the verb, in the order of the help text. */
export const MAP_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'input',
    short: 'i',
    value: 'FORMAT',
    help: 'what an item is: files (the path itself, default for arguments), lines (each line of the files or of stdin, default for stdin), ndjson (each line parsed as JSON)',
  },
  { name: 'files-from', value: 'FILE', help: 'take the input paths from FILE, one per line (- is stdin)' },
  { name: 'null', short: '0', help: 'paths of --files-from and items of lines are separated by NUL bytes' },
  { name: 'recursive', short: 'r', help: 'a directory stands for all files below it, sorted by name' },
  { name: 'processes', short: 'p', value: 'N', help: 'worker processes (default: the usable CPUs)' },
  {
    name: 'chunk-size',
    value: 'N',
    help: 'items sent to a worker at once, at most (default: by their run time; 1 with --timeout)',
  },
  { name: 'timeout', value: 'MS', help: 'milliseconds for one item; then its worker is killed and the item has failed' },
  {
    name: 'retries',
    value: 'N',
    help: 'run an item again, up to N times, when its worker died (default 0; never after its own error)',
  },
  {
    name: 'on-error',
    value: 'WHAT',
    help: 'stop (default): the first failed item ends the run; skip: leave its line out and go on',
  },
  { name: 'unordered', help: 'write results as they complete, not in input order' },
  { name: 'with-input', help: 'write {"index":…,"input":…,"result":…} instead of the bare result' },
  {
    name: 'output',
    short: 'o',
    value: 'FILE',
    help: 'write results to FILE, which appears when it is complete (FILE.partial until then)',
  },
  { name: 'errors', value: 'FILE', help: 'write failed items to FILE as NDJSON: index, input, at, error' },
  { name: 'resume', value: 'FILE', help: 'keep a journal in FILE; the same command after a kill goes on where it was' },
  { name: 'progress', help: 'show progress on stderr also where it is no terminal, or where results go to the same terminal' },
  { name: 'no-progress', help: 'show no progress bar' },
  { name: 'help', short: 'h', help: 'show this text' },
];

/**
 * Reads the words after `multiproc map`.
 * @throws {UsageError} If a word is unknown, missing or out of range.
 */
export function parseMapOptions(args: readonly string[]): MapOptions {
  const parsed = parseArguments(args, MAP_OPTIONS);
  const { flags, values } = parsed;
  const [module = '', ...inputs] = parsed.positionals;
  const options: MapOptions = {
    help: flags.has('help'),
    module,
    inputs,
    input: oneOf(parsed, 'input', ['files', 'lines', 'ndjson']),
    filesFrom: values.get('files-from'),
    nullSeparated: flags.has('null'),
    recursive: flags.has('recursive'),
    processes: wholeNumber(parsed, 'processes', 1),
    chunkSize: wholeNumber(parsed, 'chunk-size', 1),
    timeout: wholeNumber(parsed, 'timeout', 1, 'milliseconds'),
    retries: wholeNumber(parsed, 'retries', 0) ?? 0,
    onError: oneOf(parsed, 'on-error', ['stop', 'skip']) ?? 'stop',
    unordered: flags.has('unordered'),
    withInput: flags.has('with-input'),
    output: values.get('output'),
    errors: values.get('errors'),
    resume: values.get('resume'),
    progress: progressChoice(parsed),
  };
  if (!options.help) checkTogether(options);
  return options;
}

function progressChoice({ flags }: ParsedArguments): boolean | undefined {
  if (flags.has('progress') && flags.has('no-progress'))
    throw new UsageError("options '--progress' and '--no-progress' exclude each other");
  return flags.has('progress') ? true : flags.has('no-progress') ? false : undefined;
}

function checkTogether(options: MapOptions): void {
  if (options.module === '') throw new UsageError('no module given: multiproc map <module[#export]> [inputs…]');
  if (options.filesFrom !== undefined && options.inputs.length > 0) {
    throw new UsageError(`option '--files-from' and the input '${options.inputs[0]}' exclude each other`);
  }
  if (options.nullSeparated && options.input === 'ndjson' && options.filesFrom === undefined) {
    throw new UsageError("option '--null' has no meaning with '--input ndjson': JSON lines end with a newline");
  }
  const files = [options.output, options.errors, options.resume].filter((file) => file !== undefined);
  const twice = files.find((file, at) => files.indexOf(file) !== at);
  if (twice !== undefined) throw new UsageError(`'${twice}' is named for two of --output, --errors and --resume`);
}
