/**
 * Command line words against a table of options: one table gives the parser, the help text and the suggestions.
 *
 * Runs in the parent. Never knows what an option means; refuses every word that the table does not have.
 */
import { parseArgs } from 'node:util';
import { didYouMean } from './suggest.js';
import { UsageError } from './usage-error.js';

/** One option of a verb. Without `value` it is a flag. */
export interface OptionSpec {
  readonly name: string;
  readonly short?: string;
  /** Placeholder of the value in the help text, such as `N`. */
  readonly value?: string;
  readonly help: string;
}

/** The words of one command line, sorted. Of a repeated option the last one counts. */
export interface ParsedArguments {
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
}

/**
 * Sorts `args` into flags, values and positionals.
 * @throws {UsageError} If an option is unknown, lacks its value or has one it must not have.
 */
export function parseArguments(args: readonly string[], specs: readonly OptionSpec[]): ParsedArguments {
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  const { tokens } = parseArgs({
    args: [...args],
    options: parseArgsOptions(specs),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') {
      positionals.push(token.value);
    } else if (token.kind === 'option') {
      const spec = byName.get(token.name);
      if (spec === undefined) throw unknownOption(token.rawName, specs);
      if (spec.value === undefined) flags.add(checkFlag(token));
      else values.set(spec.name, checkValue(token, spec.value));
    }
  }
  return { flags, values, positionals };
}

/**
 * The value of a number option, or undefined if it was not given.
 * @throws {UsageError} If it is no whole number of at least `minimum`.
 */
export function wholeNumber(parsed: ParsedArguments, name: string, minimum: number, unit?: string): number | undefined {
  const text = parsed.values.get(name);
  if (text === undefined) return undefined;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= minimum)) {
    throw new UsageError(
      `option '--${name}' takes a whole number of ${unit === undefined ? '' : `${unit}, `}at least ${minimum}, received '${text}'`,
    );
  }
  return value;
}

/**
 * The value of an option that takes one of a few words.
 * @throws {UsageError} If it is none of them.
 */
export function oneOf<T extends string>(parsed: ParsedArguments, name: string, words: readonly T[]): T | undefined {
  const text = parsed.values.get(name);
  if (text === undefined) return undefined;
  const word = words.find((candidate) => candidate === text);
  if (word === undefined) {
    throw new UsageError(`option '--${name}' takes ${words.join(' or ')}, received '${text}'${didYouMean(text, words)}`);
  }
  return word;
}

type OptionToken = { rawName: string; name: string; value: string | undefined; inlineValue: boolean | undefined };

function parseArgsOptions(specs: readonly OptionSpec[]): Record<string, { type: 'string' | 'boolean'; short?: string }> {
  return Object.fromEntries(
    specs.map((spec) => [
      spec.name,
      { type: spec.value === undefined ? 'boolean' : 'string', ...(spec.short === undefined ? {} : { short: spec.short }) },
    ]),
  );
}

function unknownOption(rawName: string, specs: readonly OptionSpec[]): UsageError {
  const known = rawName.startsWith('--') ? specs.map((spec) => `--${spec.name}`) : [];
  return new UsageError(`unknown option '${rawName}'${didYouMean(rawName, known)}`);
}

function checkFlag(token: OptionToken): string {
  if (token.value !== undefined) throw new UsageError(`option '${token.rawName}' takes no value, received '${token.value}'`);
  return token.name;
}

function checkValue(token: OptionToken, placeholder: string): string {
  const { rawName, value } = token;
  if (value === undefined || value === '') throw new UsageError(`option '${rawName}' needs a value: ${rawName} ${placeholder}`);
  if (!token.inlineValue && /^-[^\d]/.test(value)) {
    throw new UsageError(`option '${rawName}' needs a value (${rawName} ${placeholder}), but '${value}' follows`);
  }
  return value;
}
