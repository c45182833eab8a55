/**
 * Work of this thread that is put off until the end of its turn, so that what comes soon after can be done with it.
 *
 * Runs in every process and thread. It is done before this thread blocks in the library, and before its process ends:
 * somebody may wait for it.
 */

/** Has `work` done once at the end of this turn, or earlier: at once where there is no later. It must not throw. */
export function putOff(work: () => void): void {
  if (isEnding) {
    work();
    return;
  }
  put.push(work);
  if (put.length > 1) return;
  queueMicrotask(catchUp);
  if (!listens) process.on('exit', end);
  listens = true;
}

/** Does now what was put off. */
export function catchUp(): void {
  while (put.length > 0) for (const work of put.splice(0)) work();
}

function end(): void {
  isEnding = true;
  catchUp();
}

const put: (() => void)[] = [];
let listens = false;
let isEnding = false;
