/**
 * Which variables the text of a function uses from outside, found by V8 itself: the text is compiled (never run)
 * inside a function that declares every name in sight, and V8 says which of them the text captured.
 *
 * Runs in the sending process.
 */
import { types } from 'node:util';
import * as vm from 'node:vm';
import type { SourceForm } from './definition-body.js';
import { BASE_NAME, expressionAround, META_NAME } from './function-form.js';
import { inspectFunction } from './inspector-session.js';
import { REASONS, doesNotCompile } from './function-errors.js';
import { isClosedArrow, namesInSimpleArrow } from './simple-arrow.js';

/** What the text of a function needs to be rebuilt elsewhere. */
export interface SourceAnalysis {
  /** The text, with `import.meta` replaced by `META_NAME` if it was there. */
  readonly text: string;
  readonly form: SourceForm;
  readonly strict: boolean;
  readonly usesMeta: boolean;
  /** Names of the candidates that the text uses. */
  readonly names: readonly string[];
}

/** Why a text cannot be sent; the caller knows the function and adds its name. */
export class SourceRefusal extends Error {}

/**
 * @param candidates Every name that the scopes around the function hold; only asked for where the text may use one.
 * @param sloppy Whether the function was compiled outside strict mode; `undefined` if that cannot be known.
 * @throws {SourceRefusal} If the text cannot stand alone.
 */
export function analyseSource(text: string, candidates: () => readonly string[], sloppy: boolean | undefined): SourceAnalysis {
  const words = wordsOf(text);
  const isPlain = words !== undefined && standsAlone(text, words) && (sloppy !== undefined || mayBeStrict(text, words));
  const plain = (used: readonly string[]): SourceAnalysis => {
    return { text, form: 'expression', strict: sloppy !== true, usesMeta: false, names: used };
  };
  if (isPlain && isClosedArrow(text, words)) return plain([]);
  const mayUse = (name: string): boolean => words === undefined || words.has(name);
  const names = candidates().filter((name) => mayUse(name) && USABLE_NAME.test(name) && !NOT_DECLARABLE.has(name));
  if (isPlain) {
    const used = names.length === 0 && sloppy !== undefined ? names : namesInSimpleArrow(text, names, words);
    if (used !== undefined) return plain(used);
  }
  const found = compileSomehow(text, names, sloppy);
  const usesNothing = names.length === 0 && !['eval', 'arguments', 'meta'].some(mayUse);
  const captured = usesNothing ? new Set<string>() : capturedBy(found.probe);
  if (captured.has(SENTINEL)) throw new SourceRefusal(REASONS.eval);
  if (captured.has('arguments')) throw new SourceRefusal(REASONS.outerArguments);
  if (found.form === 'method' && usesSuper(text, found.strict)) throw new SourceRefusal(REASONS.super);
  return { ...found, usesMeta: captured.has(META_NAME), names: names.filter((name) => captured.has(name)) };
}

/** Every word of a text, in comments and strings too; undefined if names may be written otherwise. */
function wordsOf(text: string): ReadonlySet<string> | undefined {
  return text.includes('\\u') ? undefined : new Set(text.match(WORDS));
}

/**
 * Whether an arrow or a `function` compiled where it stood, in the same mode, surely means the same elsewhere: it has no word
 * that depends on what is around it.
 */
function standsAlone(text: string, words: ReadonlySet<string>): boolean {
  if (text.includes('#') || !/^(?:\(|function\b|[\w$]+\s*=>)/.test(text)) return false;
  return !CONTEXTUAL.some((word) => words.has(word));
}

/** Whether a simple arrow function that compiled in some mode does so in strict mode, which is tried first where the mode is not known. */
function mayBeStrict(text: string, words: ReadonlySet<string>): boolean {
  return !/\b0\d/.test(text) && !SLOPPY_WORDS.some((word) => words.has(word));
}

/** Which of the names around a compiled text V8 keeps for it. */
function capturedBy(probe: object): ReadonlySet<string> {
  const inspection = inspectFunction(probe);
  try {
    const [scope] = inspection.scopes();
    const isOurs = scope !== undefined && scope.description !== 'Global' && scope.description !== 'Script';
    return new Set(isOurs ? Object.keys(scope.variables()) : []);
  } finally {
    inspection.release();
  }
}

/**
 * Replaces what a class extends by `BASE_NAME`: V8 shows no variable that is only used while the class is made, but the
 * value is the prototype of the class.
 */
export function withBaseName(text: string): string {
  const head = /^class\b\s*(?:(?!extends\b)[\w$]+\s+)?extends\b\s*/.exec(text)?.[0];
  if (head === undefined) return text;
  let depth = 0;
  for (let i = head.length; i < text.length; i += 1) {
    const char = text[i] ?? '';
    if (char === '{' && depth === 0) return `${head.trimEnd()} ${BASE_NAME} ${text.slice(i)}`;
    if (char === '(' || char === '[' || char === '{') depth += 1;
    else if (char === ')' || char === ']' || char === '}') depth -= 1;
  }
  return text;
}

/** Whether a text compiles in this form. */
export function compiles(text: string, form: SourceForm, strict: boolean): boolean {
  try {
    compileProbe(text, form, strict, []);
    return true;
  } catch {
    return false;
  }
}

interface Compiled {
  readonly probe: object;
  readonly text: string;
  readonly form: SourceForm;
  readonly strict: boolean;
}

function compileSomehow(text: string, names: readonly string[], sloppy: boolean | undefined): Compiled {
  const texts = IMPORT_META.test(text)
    ? [text, withMetaName(text), text.replace(new RegExp(IMPORT_META, 'g'), META_NAME)]
    : [text];
  const modes = sloppy === undefined ? [true, false] : [!sloppy];
  const failures: unknown[] = [];
  for (const strict of modes) {
    for (const candidate of texts) {
      for (const form of ['expression', 'method'] as const) {
        try {
          return { probe: compileProbe(candidate, form, strict, names), text: candidate, form, strict };
        } catch (error) {
          // Not `instanceof`: the error may be of another realm, within jest.
          if (!(types.isNativeError(error) && error.name === 'SyntaxError')) throw error;
          failures.push(error);
        }
      }
    }
  }
  throw new SourceRefusal(reasonOf(failures));
}

/** The words in comments and plain strings stay. */
function withMetaName(text: string): string {
  return text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\/\/.*|\/\*[^]*?\*\/)|\bimport\s*\.\s*meta\b/g,
    (_, kept?: string) => kept ?? META_NAME,
  );
}

function compileProbe(text: string, form: SourceForm, strict: boolean, names: readonly string[]): object {
  const { before, after } = expressionAround(form);
  const mode = strict ? '"use strict";' : '';
  const code = `${mode}(function () { let ${[...names, SENTINEL, META_NAME].join(',')}; return () => ${before}${text}${after} })()`;
  return new vm.Script(code, { filename: 'multiproc:analysis' }).runInThisContext() as object;
}

function reasonOf(failures: readonly unknown[]): string {
  const messages = failures.map((failure) => (types.isNativeError(failure) ? failure.message : ''));
  if (messages.some((message) => message.includes("'super'"))) return REASONS.super;
  if (messages.some((message) => /[Pp]rivate/.test(message))) return REASONS.privateName;
  return doesNotCompile(failures[0]);
}

/** `super` is allowed in every method of a literal: as a plain function the text tells. */
function usesSuper(text: string, strict: boolean): boolean {
  if (!/\bsuper\b/.test(text)) return false;
  const head = /^(async\s+)?(\*\s*)?[\w$]+\s*(?=\()/.exec(text);
  if (head === null) return true;
  const plain = `${head[1] ?? ''}function ${head[2] ?? ''}${text.slice(head[0].length)}`;
  try {
    new vm.Script(`${strict ? '"use strict";' : ''}(${plain}\n)`);
    return false;
  } catch {
    return true;
  }
}

const IMPORT_META = /\bimport\s*\.\s*meta\b/;
const CONTEXTUAL = ['arguments', 'await', 'eval', 'import', 'super', 'target', 'yield'];
/** Names outside strict mode, and what strict mode does not allow for each name. */
const SLOPPY_WORDS = ['delete', 'implements', 'interface', 'package', 'private', 'protected', 'public', 'static'];
const SENTINEL = '$multiproc_eval';
const WORDS = /[\p{ID_Continue}$\u200c\u200d]+/gu;
const USABLE_NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;
/** Names that strict code cannot declare; V8 shows some of them as variables. */
const NOT_DECLARABLE = new Set(
  (
    'this arguments eval new.target await yield let static implements interface package private protected public ' +
    'break case catch class const continue debugger default delete do else enum export extends false finally for function if import in ' +
    'instanceof new null return super switch throw true try typeof var void while with'
  ).split(' '),
);
