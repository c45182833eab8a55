/**
 * The texts of `--help`. Option lists come from the tables that also drive the parser.
 *
 * Runs in the parent. Text only.
 */
import type { OptionSpec } from './arguments.js';
import { DOCTOR_OPTIONS } from './doctor-options.js';
import { MAP_OPTIONS } from './map-options.js';

const HELP_COLUMN = 26;
const HELP_WIDTH = 112;

/** `multiproc --help` */
export const MAIN_HELP = `multiproc: ordinary functions on all CPUs, in real processes

Usage:
  multiproc map <module[#export]> [inputs…]   run an exported function over files, lines or NDJSON
  multiproc doctor                            say whether this machine can run everything, and why not
  multiproc <command> --help                  more about one command
  multiproc --version

Exit codes: 0 all well, 1 something failed, 2 wrong usage.
`;

/** `multiproc map --help` */
export const MAP_HELP: string = `multiproc map: run an exported function over many inputs, on all CPUs

Usage:
  multiproc map [options] <module[#export]> [inputs…]

  The function (the default export unless #export names another) is called with one item and may be async.
  With inputs, each is a path and is handed to the function as a string (glob patterns that the shell left are
  expanded); with --input lines or ndjson the lines of these files are the items. WITHOUT INPUTS, STDIN IS READ,
  each line an item. A file named - is stdin.

  Each result is one line of JSON on stdout, in input order. undefined and what JSON has no word for (NaN,
  functions) become null; a BigInt, Map, Set, typed array or cycle in a result is an error of its item.
  What the function prints to stdout goes to stderr. Memory use does not grow with the number of items.

Options:
${optionList(MAP_OPTIONS)}
Errors:
  Failed items are told on stderr and make the exit code 1. Results before a failed item are always written.
  When a worker dies in a chunk of several items, these are run again one by one to find the item that did it.

Journal (--resume FILE):
  Each finished item is appended to FILE before its result is written. After a kill, a crash or Ctrl-C the same
  command repeats finished results from FILE and computes the others, failed items included; its output is
  complete. FILE belongs to one module, export and input; a path counts as the same input if its name is the same.

Exit codes:
  0 all items done (also when the reader of stdout left early, as head does), 1 items failed or the run could not
  go on, 2 wrong usage, 130 Ctrl-C, 143 SIGTERM. A second Ctrl-C ends everything at once.

Examples:
  multiproc map ./thumbnail.mjs photos/*.jpg > sizes.ndjson
  multiproc map ./parse.mjs#parseLine --input lines access.log --chunk-size 500 | head
  find . -name '*.ts' -print0 | multiproc map ./lint.mjs --files-from - -0 --on-error skip --resume lint.journal
`;

/** `multiproc doctor --help` */
export const DOCTOR_HELP: string = `multiproc doctor: say whether this machine can run everything, and why not

Usage:
  multiproc doctor [options]

Options:
${optionList(DOCTOR_OPTIONS)}
Exit codes: 0 everything works (warnings allowed), 1 something does not, 2 wrong usage.
`;

function optionList(specs: readonly OptionSpec[]): string {
  return specs.map(optionHelp).join('');
}

function optionHelp(spec: OptionSpec): string {
  const short = spec.short === undefined ? '    ' : `-${spec.short}, `;
  const head = `  ${short}--${spec.name}${spec.value === undefined ? '' : ` ${spec.value}`}`.padEnd(HELP_COLUMN - 1);
  return `${head} ${wrap(spec.help, HELP_WIDTH - HELP_COLUMN).join(`\n${' '.repeat(HELP_COLUMN)}`)}\n`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
