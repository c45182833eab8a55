/**
 * Reads the import declarations and the top-level names of a module's text.
 *
 * Runs in the sending process, once per script. A scanner, no parser: it skips comments, strings, templates and
 * regular expressions, and looks at what stands outside all brackets. A wrong hit is harmless, because an imported
 * name cannot be declared a second time in its module.
 */

/** What a local name of a module was imported from. */
export interface ImportBinding {
  readonly specifier: string;
  /** The exported name; `*` is the namespace. */
  readonly name: string;
}

export interface ModuleNames {
  readonly imports: ReadonlyMap<string, ImportBinding>;
  /** Names declared outside all brackets. */
  readonly declared: ReadonlySet<string>;
  /** Those of them that are `const`, `class` or `function`: they are never undefined for long. */
  readonly constants: ReadonlySet<string>;
}

/** Scans a JavaScript or TypeScript text. */
export function moduleNames(text: string): ModuleNames {
  const imports = new Map<string, ImportBinding>();
  const declared = new Set<string>();
  const constants = new Set<string>();
  const templates: number[] = [];
  let depth = 0;
  let previous = '';
  let at = 0;
  while (at < text.length) {
    const rest = skipLength(text, at, previous);
    if (rest > 0) {
      if (text[at] !== '/' || !/[/*]/.test(text[at + 1] ?? '')) previous = /\s/.test(text[at] ?? '') ? previous : 'x';
      at += rest;
      continue;
    }
    const char = text[at] ?? '';
    if (char === '`' || (char === '}' && templates.at(-1) === depth)) {
      if (char === '}') templates.pop();
      at = templateEnd(text, at + 1);
      if (text[at - 1] === '{') templates.push(depth);
      previous = text[at - 1] === '{' ? '(' : 'x';
      continue;
    }
    if (/[A-Za-z_$]/.test(char)) {
      WORD.lastIndex = at;
      const word = WORD.exec(text)?.[0] ?? char;
      if (depth === 0 && previous !== '.') noteStatement(text, at, word, { imports, declared, constants });
      previous = REGEX_MAY_FOLLOW.has(word) ? '(' : 'x';
      at += word.length;
      continue;
    }
    if (char === '{' || char === '(' || char === '[') depth += 1;
    else if (char === '}' || char === ')' || char === ']') depth -= 1;
    previous = char;
    at += 1;
  }
  return { imports, declared, constants };
}

/** Length of the white space, comment, string or regular expression that starts here. */
function skipLength(text: string, at: number, previous: string): number {
  const char = text[at];
  if (char === '/' && text[at + 1] !== '/' && text[at + 1] !== '*') {
    if (!'([{,;=:!&|?+-*%~^<>}'.includes(previous) && previous !== '') return 0;
    REGEX.lastIndex = at;
    return REGEX.exec(text)?.[0].length ?? 0;
  }
  SKIP.lastIndex = at;
  return SKIP.exec(text)?.[0].length ?? 0;
}

/** The index after the part of a template that starts here: after its end, or after `${`. */
function templateEnd(text: string, at: number): number {
  for (let i = at; i < text.length; i += 1) {
    if (text[i] === '\\') i += 1;
    else if (text[i] === '`') return i + 1;
    else if (text[i] === '$' && text[i + 1] === '{') return i + 2;
  }
  return text.length;
}

function noteStatement(
  text: string,
  at: number,
  word: string,
  found: { imports: Map<string, ImportBinding>; declared: Set<string>; constants: Set<string> },
): void {
  if (word === 'import') {
    IMPORT.lastIndex = at;
    const match = IMPORT.exec(text);
    if (match !== null) noteImport(match[1] ?? '', match[3] ?? '', found.imports);
    return;
  }
  if (!/^(?:const|let|var|function|class|enum)$/.test(word)) return;
  DECLARED.lastIndex = at + word.length;
  const name = DECLARED.exec(text)?.[1];
  if (name === undefined) return;
  found.declared.add(name);
  if (word === 'const' || word === 'class' || word === 'function') found.constants.add(name);
}

function noteImport(clause: string, specifier: string, imports: Map<string, ImportBinding>): void {
  const bare = clause.replace(/\/\*[^]*?\*\/|\/\/.*$/gm, ' ');
  const braces = /\{([^]*)\}/.exec(bare);
  for (const part of (braces?.[1] ?? '').split(',')) {
    const named = /^\s*(type\s+)?(?:"([^"]*)"|'([^']*)'|([\w$]+))(?:\s+as\s+([\w$]+))?\s*$/.exec(part);
    if (named === null || named[1] !== undefined) continue;
    const name = named[2] ?? named[3] ?? named[4] ?? '';
    imports.set(named[5] ?? name, { specifier, name });
  }
  const outside = bare.replace(/\{[^]*\}/, ' ');
  const namespace = /\*\s*as\s+([\w$]+)/.exec(outside)?.[1];
  if (namespace !== undefined) imports.set(namespace, { specifier, name: '*' });
  const first = /^\s*([\w$]+)/.exec(outside.replace(/\*\s*as\s+[\w$]+/, ' '))?.[1];
  if (first !== undefined) imports.set(first, { specifier, name: 'default' });
}

const SKIP = /\s+|\/\/.*|\/\*[^]*?\*\/|"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/y;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const WORD = /[A-Za-z_$][\w$]*/y;
const IMPORT = /import(?!\s+type\s+(?!from\b)[\w${*])((?:[\s\w$*{},]|\/\*[^]*?\*\/|\/\/.*\n)*?)\bfrom\s*(["'])(.*?)\2/y;
const DECLARED = /\s*\*?\s*([A-Za-z_$][\w$]*)/y;
const REGEX_MAY_FOLLOW = new Set([
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'do',
  'else',
  'void',
  'delete',
  'throw',
  'new',
  'instanceof',
  'yield',
  'await',
]);
