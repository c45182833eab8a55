// For the command line: multiproc map examples/word-count.mjs README.md docs/*.md --with-input
import { readFile } from 'node:fs/promises';

export default async function countWords(path) {
  const words = (await readFile(path, 'utf8')).match(/\p{L}+/gu) ?? [];
  return { words: words.length, different: new Set(words.map((word) => word.toLowerCase())).size };
}
