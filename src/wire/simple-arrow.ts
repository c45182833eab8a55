/**
 * Which variables a simple arrow function uses from outside, seen by its words: asking V8 (function-source.ts) would be a third
 * of what the first send of such a function costs.
 *
 * Runs in the sending process. Simple is a text in which only parameters can be declared and in which every word says by its
 * neighbours whether it is a variable; of any other text nothing is said here.
 */

/**
 * Those of the names that the text uses; `undefined` if that has to be asked of V8.
 *
 * @param text An arrow function with parameters in brackets or of one name, without `eval`, `arguments`, `super`, `import` and the like.
 * @param words All words of the text.
 */
export function namesInSimpleArrow(
  text: string,
  names: readonly string[],
  words: ReadonlySet<string>,
): readonly string[] | undefined {
  const plain = plainText(text, words);
  if (plain === undefined) return undefined;
  const arrow = plain.indexOf('=>');
  const asked = new Set(names);
  const used = new Set<string>();
  for (const { index, 1: before, 2: word = '', 3: after } of plain.matchAll(WORDS)) {
    if (!asked.has(word) || before === '.') continue;
    // A parameter or its default; a key, a label, or the middle of a condition.
    if (index < arrow || after === ':') return undefined;
    used.add(word);
  }
  return names.filter((name) => used.has(name));
}

/**
 * Whether an arrow function uses nothing from outside, whatever there is: not even a global, which a variable may hide. Then nobody
 * needs to look at what is around it.
 *
 * @param words All words of the text.
 */
export function isClosedArrow(text: string, words: ReadonlySet<string>): boolean {
  const at = text.indexOf('=>');
  const head = text.slice(0, Math.max(0, at));
  if (at < 0 || at > LONGEST_HEAD || !PLAIN_PARAMETERS.test(head)) return false;
  const parameters: readonly string[] = head.match(PARAMETERS) ?? [];
  const isOwn = (word: string): boolean => parameters.includes(word) || KEYWORDS.has(word) || NUMBER.test(word);
  for (const word of words) if (!isOwn(word)) return hasOwnWords(text, words, isOwn);
  return true;
}

/** The same where keys of members are among the words. */
function hasOwnWords(text: string, words: ReadonlySet<string>, isOwn: (word: string) => boolean): boolean {
  const plain = plainText(text, words);
  if (plain === undefined) return false;
  for (const { 1: before, 2: word = '' } of plain.matchAll(WORDS)) if (before !== '.' && !isOwn(word)) return false;
  return true;
}

/** The text without what stands in its strings; undefined if it is not simple. */
function plainText(text: string, words: ReadonlySet<string>): string | undefined {
  if (DECLARING.some((word) => words.has(word))) return undefined;
  // Where a comment, template or regular expression stands before a quote, what begins it is left, so the text is not simple.
  const plain = text.replace(PLAIN_STRINGS, ' 0 ');
  const arrow = plain.indexOf('=>');
  return arrow < 0 || plain.includes('=>', arrow + 2) || NOT_SIMPLE.test(plain) ? undefined : plain;
}

const PLAIN_STRINGS = /'[^'"\\\n]*'|"[^"'\\\n]*"/g;
/** Quotes, comments, regular expressions, divisions; `) {` of methods and statements; comments of HTML; a number that ends in a point. */
const NOT_SIMPLE = /['"`/\\#@]|\)\s*\{|<!--|-->|\d\.\s/;
const PLAIN_PARAMETERS = /^[\w$\s,()]*$/;
const LONGEST_HEAD = 200;
const NUMBER = /^\d/;
const PARAMETERS = /[\w$]+/g;
const WORDS = /(\.{3}|\.)?\s*([\p{ID_Continue}$\u200c\u200d]+)\s*(:?)/gu;
/** What declares names, or is a name in one place and a part of a statement in another. */
const DECLARING = ['let', 'const', 'var', 'function', 'class', 'catch', 'using', 'for', 'with', 'break', 'continue', 'async'];
/** Those that a closed arrow function may have. */
const KEYWORDS = new Set('return if else throw true false null typeof void in instanceof'.split(' '));
