/**
 * Numbers with names, written out where they are used. In the bundle each module is initialised at its first use, so that a
 * constant of it is a variable for the engine: read from memory, and checked for being a number, each time.
 *
 * `const SIZE = 2 * LINE_BYTES;` and `export const TAG = { NULL: 0xc1, … } as const;` are seen, of the module itself and of those it imports.
 */
import { basename, join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { transform } from 'esbuild';

export const IMPORT = /^import (?!type\b)(\{[^}]*\}|\* as \w+|\w+) from '([^']+)';/gm;
/** What is made of numbers and of names of numbers. */
const NUMBER = /^(export )?const ([A-Z][A-Z\d_]*)(?:: number)? = ([\w\s.*+|&~<>()-]+);$/gm;
const TABLE = /^export const ([A-Z][A-Z\d_]*) = \{([^{}]*)\} as const;$/gm;
const COMMENT = /\/\*.*?\*\/|\/\/[^\n]*/gs;
const ENTRY = /^\s*([A-Z][A-Z\d_]*): (\d[\da-fx_]*)\s*$/;
const COMPILED = {
  loader: 'ts',
  target: 'node20',
  sourcemap: 'inline',
  sourcesContent: false,
  tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
};

/** The named numbers of modules, by the sources of all of them. */
export class NamedNumbers {
  #sources;
  /** @type {Map<string, Map<string, number>>} */
  #known = new Map();

  /** @param {Map<string, string>} sources TypeScript by the names of modules */
  constructor(sources) {
    this.#sources = sources;
  }

  /** Numbers of a module by name. @param {string} name @returns {ReadonlyMap<string, number>} */
  of(name) {
    let own = this.#known.get(name);
    if (own !== undefined) return own;
    own = new Map();
    this.#known.set(name, own);
    const visible = new Map(this.#imported(name));
    for (const [, , constant, expression] of this.#sources.get(name).matchAll(NUMBER)) {
      const names = expression.match(/(?<![\w.])[A-Za-z_]\w*/g) ?? [];
      if (!names.every((part) => visible.has(part))) continue;
      const value = runInNewContext(expression, Object.fromEntries(visible));
      visible.set(constant, value);
      own.set(constant, value);
    }
    return own;
  }

  /** A module's source without its named numbers; those that others may import are still exported. @param {string} name */
  sourceWithout(name) {
    const own = this.of(name);
    return this.#sources.get(name).replace(NUMBER, (statement, exported, constant) => {
      if (!own.has(constant)) return statement;
      const still =
        exported === undefined ? '' : `const n_${constant} = ${own.get(constant)}; export { n_${constant} as ${constant} };`;
      return still + statement.replace(/[^\n]/g, '');
    });
  }

  /** What a module imports from another, less what `define` says of it from now on. @param {{ imported: string, local: string }[]} taken @param {string} target @param {Record<string, string>} define */
  take(taken, target, define) {
    const numbers = this.of(target);
    for (const { imported, local } of taken) if (numbers.has(imported)) define[local] = String(numbers.get(imported));
    return taken
      .filter(({ imported }) => !numbers.has(imported))
      .map(({ imported, local }) => {
        const table = this.#table(target, imported);
        if (table === undefined) return { imported, local };
        for (const [key, value] of table) define[`${local}.${key}`] = String(value);
        define[local] = `t_${local}`;
        return { imported, local: `t_${local}` };
      });
  }

  /** What `define` says of a module's own numbers. @param {string} name @returns {Record<string, string>} */
  define(name) {
    return Object.fromEntries([...this.of(name)].map(([constant, value]) => [constant, String(value)]));
  }

  #table(name, table) {
    const [, , body] = [...this.#sources.get(name).matchAll(TABLE)].find(([, each]) => each === table) ?? [];
    const entries = body
      ?.replace(COMMENT, '')
      .split(',')
      .map((entry) => ENTRY.exec(entry));
    return entries?.filter((entry) => entry !== null).map(([, key, value]) => [key, Number(value.replaceAll('_', ''))]);
  }

  /** Those that it imports, under the names that they have there. */
  *#imported(name) {
    for (const { target, taken } of this.#imports(name)) {
      const candidates = taken.filter(({ imported }) => /^[A-Z][A-Z\d_]*$/.test(imported));
      for (const { imported, local } of candidates) {
        const value = this.of(target).get(imported);
        if (value !== undefined) yield [local, value];
      }
    }
  }

  #imports(name) {
    return [...this.#sources.get(name).matchAll(IMPORT)]
      .map(([, clause, specifier]) => ({ target: targetOf(name, specifier), taken: valuesOf(clause) }))
      .filter(({ target, taken }) => target !== undefined && taken.length > 0);
  }
}

/** JavaScript of a module in which values stand for names. @param {string} name @param {string} text @param {Record<string, string>} define */
export async function compile(name, text, define) {
  return (await transform(text, { ...COMPILED, define, sourcefile: `${basename(name)}.ts` })).code;
}

/** What an import clause takes at run time. @param {string} clause @returns {{ imported: string, local: string }[]} */
export function valuesOf(clause) {
  const whole = /^(?:\* as )?(\w+)$/.exec(clause.trim());
  if (whole !== null) return [{ imported: '*', local: whole[1] }];
  const names = clause
    .replace(/^\s*\{|\}\s*$/g, '')
    .split(',')
    .map((each) => each.trim());
  return names
    .filter((each) => each !== '' && !each.startsWith('type '))
    .map((each) => {
      const [imported, local = imported] = each.split(/\s+as\s+/);
      return { imported, local };
    });
}

/** The module that a specifier means; undefined if it is none of the library. @param {string} name @param {string} specifier */
export function targetOf(name, specifier) {
  return specifier.startsWith('.') ? join(name, '..', specifier).replace(/\.js$/, '') : undefined;
}
