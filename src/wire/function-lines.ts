/**
 * Puts a compiled function's text back on the lines of the user's file, so that stacks in a child show these.
 *
 * Runs in the sending process, once for each function of a main script that a loader compiled (tsx, ts-node, vitest):
 * no child ever loads that script, so nothing there could map its lines.
 */
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Place } from './function-errors.js';
import { isClassText } from './function-form.js';

/** A text and where it starts, from 0. */
export interface PlacedText {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** V8 gives the place of the parameter list (of the constructor, in a class); the text starts before it. */
export function startOf({ text, place }: { readonly text: string; readonly place: Place }): { line: number; column: number } {
  const at = parametersAt(text);
  if (at === 0) return { line: place.line, column: place.column };
  const before = text.slice(0, at);
  const lines = before.split('\n').length - 1;
  const lastLine = before.slice(before.lastIndexOf('\n') + 1).length;
  return { line: Math.max(0, place.line - lines), column: lines > 0 ? 0 : Math.max(0, place.column - lastLine) };
}

function parametersAt(text: string): number {
  if (text.startsWith('(')) return 0;
  if (isClassText(text)) {
    const found = /\bconstructor\s*\(/.exec(text);
    return found === null ? 0 : found.index + found[0].length - 1;
  }
  if (/^(?:async\b\s*)?(?:\(|[\w$]+\s*=>)/.test(text)) return /^(?:async\b\s*)?/.exec(text)?.[0].length ?? 0;
  return Math.max(0, text.indexOf('('));
}

/** The source map at the end of a compiled text, if it has one of its own. */
export function inlineSourceMap(compiled: string): SourceMap | undefined {
  const encoded = /\/\/# sourceMappingURL=data:application\/json[^,\n]*;base64,([\w+/=]+)\s*$/.exec(compiled)?.[1];
  if (encoded === undefined) return undefined;
  try {
    return new SourceMap(JSON.parse(Buffer.from(encoded, 'base64').toString()) as ConstructorParameters<typeof SourceMap>[0]);
  } catch {
    return undefined;
  }
}

/**
 * Adds line breaks between tokens until each token that the map knows stands on its original line.
 *
 * @param placed The text, and where it starts in the compiled script.
 * @param url The script; a map of other files is not used.
 */
export function onOriginalLines(placed: PlacedText, map: SourceMap, url: string): PlacedText | undefined {
  const first = entryAt(map, placed.line, placed.column, url);
  if (first === undefined) return undefined;
  const { text } = placed;
  let line = placed.line;
  let column = placed.column;
  let originalLine = first.originalLine;
  let result = '';
  let template = 0;
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i] ?? '';
    if (template === 0 && isTokenStart(text, i)) {
      const entry = entryAt(map, line, column, url);
      const isHere = entry?.generatedColumn === column && entry.generatedLine === line;
      if (isHere && entry.originalLine > originalLine && mayBreak(result, text, i)) {
        result += '\n'.repeat(entry.originalLine - originalLine) + ' '.repeat(entry.originalColumn);
        originalLine = entry.originalLine;
      }
    }
    if (char === '`') template = template === 0 ? 1 : 0;
    result += char;
    column += 1;
    if (char === '\n') {
      line += 1;
      column = 0;
      originalLine += 1;
    }
  }
  return { text: result, line: first.originalLine, column: first.originalColumn };
}

interface Entry {
  readonly generatedLine: number;
  readonly generatedColumn: number;
  readonly originalLine: number;
  readonly originalColumn: number;
}

function entryAt(map: SourceMap, line: number, column: number, url: string): Entry | undefined {
  const entry = map.findEntry(line, column) as Partial<Entry & { originalSource: string }>;
  if (entry.originalLine === undefined || entry.originalSource === undefined) return undefined;
  return isSameFile(entry.originalSource, url) ? (entry as Entry) : undefined;
}

function isSameFile(source: string, url: string): boolean {
  const file = fileURLToPath(url.replace(/[?#].*$/, ''));
  const name = source.startsWith('file:') ? fileURLToPath(source) : source;
  return file === name || file.endsWith(`/${name.replace(/^.*\//, '')}`);
}

function isTokenStart(text: string, at: number): boolean {
  return !/[\w$]/.test(text[at - 1] ?? '') || !/[\w$]/.test(text[at] ?? '');
}

/** Not where a line break would end a statement or part an arrow. */
function mayBreak(before: string, text: string, at: number): boolean {
  return (
    !/(?:\b(?:return|throw|break|continue|yield|async)|[\w$)\]]\s*(?:\+\+|--))\s*$/.test(before.slice(-40)) &&
    !/^(?:=>|\+\+|--|`)/.test(text.slice(at, at + 2))
  );
}
