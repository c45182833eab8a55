/**
 * Loads modules, as those of a target are loaded: node's own part of that is compiled then, which takes longer than all else.
 *
 * Runs in fork servers that fork, and in their children before they are asked for. A preloaded module may have changed
 * anything that it uses, so it may fail: no child needs it.
 */
import { pathToFileURL } from 'node:url';
import { fileBeside } from '../../native/own-files.js';
import { importFrom } from '../../wire/loader-modules.js';

/** Never rejects; loader hooks of the user's may refuse a module that they do not know. */
export async function rehearseImport(rounds: number): Promise<void> {
  try {
    const file = fileBeside(import.meta.url, './resolve.js', '../frames.js');
    if (file === undefined) return;
    const url = pathToFileURL(file).href;
    for (let round = 0; round < rounds; round++) {
      await importFrom('file:///', `${url}?rehearsal=${(imports += 1)}`);
      await importFrom('file:///', `${url}?rehearsal=${imports}`); // what is loaded takes another way
    }
  } catch {
    // The child will meet what is broken, and say so.
  }
}

/** So each finds a module that is not loaded yet. */
let imports = 0;
