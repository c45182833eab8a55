/**
 * Files of `file:` URLs.
 *
 * Runs in every process; light, because every child loads it at its start.
 */
import { filePath } from '../native/own-files.js';

/** The file of a module, for `require`. */
export function fileOf(url: string): string {
  let file = files.get(url);
  if (file === undefined) {
    file = filePath(url.replace(/[?#].*$/, ''));
    files.set(url, file);
  }
  return file;
}

const files = new Map<string, string>();
