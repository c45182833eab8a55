/**
 * Takes what multiproc itself did out of the stack of a task's error: below the task's first frame there
 * is only how its process came to call it.
 *
 * Runs where the task ran. Frames of multiproc between those of the user stay; so does a stack without any of the user's.
 */
import { existsSync, readFileSync } from 'node:fs';

/** The stack up to the outermost frame that is not multiproc's. */
export function userFrames(stack: string): string {
  const own = (ownFolders ??= findOwnFolders());
  if (own.length === 0 || !own.some((folder) => stack.includes(folder))) {
    return stack;
  }
  const lines = stack.split('\n');
  let end = lines.length;
  let someOwn = false;
  for (; end > 0; end--) {
    const line = lines[end - 1] as string;
    const isOwn = own.some((folder) => line.includes(folder));
    if (!FRAME.test(line) || !(isOwn || line.includes('node:internal/'))) {
      break;
    }
    someOwn ||= isOwn;
  }
  return someOwn && FRAME.test(lines[end - 1] ?? '') ? lines.slice(0, end).join('\n') : stack;
}

/** The folders of the package, if this file is still in it: an application may have bundled it. */
function findOwnFolders(): readonly string[] {
  try {
    const root = new URL('../../', import.meta.url);
    const file = new URL('package.json', root);
    if (
      root.protocol === 'file:' &&
      existsSync(file) &&
      (JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown }).name === 'multiproc'
    ) {
      return ['dist/', 'src/'].map((folder) => new URL(folder, root).href);
    }
  } catch {
    // Not allowed to read it, or no package at all: stacks stay as they are.
  }
  return [];
}

const FRAME: RegExp = /^\s+at /;
let ownFolders: readonly string[] | undefined;
