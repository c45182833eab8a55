/**
 * Gets a process ready to send functions while it waits for its first worker: opens the inspector, and lets V8 compile what
 * sending one takes. The first function that the user sends takes a third of the time then.
 *
 * Runs in the process that sends, where there is a CPU for it beside the worker that starts, and nothing has been sent yet:
 * who has sent a function is ready. Some 5 ms once, a millisecond in a turn of the event loop. Never throws: where no function
 * can be inspected, the user's own will say so.
 */
import { availableParallelism } from 'node:os';
import { runInThisContext } from 'node:vm';
import { encodeTask } from './function-extension.js';
import { analyseSource } from './function-source.js';
import { inspectorIsOpen } from './inspector-session.js';
import { commonExports } from './module-definitions.js';
import { isMainScript } from './module-main.js';

type Send = (fn: object) => void;

/** Encodes some functions of its own, one in each of the next turns of the event loop; in a process once. */
export function warmUp(): void {
  if (begun || availableParallelism() < 2) return;
  begun = true;
  let ready: readonly ((send: Send) => void)[] | undefined;
  let next = 0;
  const goOn = (): void => {
    try {
      ready ??= prepare();
      ready[next]?.(send);
    } catch {
      return;
    }
    next += 1;
    if (next < ready.length) setImmediate(goOn);
  };
  setImmediate(() => {
    if (!inspectorIsOpen()) goOn();
  });
}

function prepare(): readonly ((send: Send) => void)[] {
  commonExports('file:///');
  return runInThisContext(PROGRAM, { filename: 'multiproc:warm-up' }) as readonly ((send: Send) => void)[];
}

function send(fn: object): void {
  isMainScript('file:///');
  analyseSource('(x) => x + y', ['y'], false);
  encodeTask(fn, [1], { headerBytes: 0 });
}

let begun = false;
/**
 * Each calls `send` itself: a script on the call stack is found there, any other would be asked for at great cost. Each has a
 * name, without which it could be the function that compilers put around a module.
 */
const KINDS = [
  'function first(send) { send((x) => x + 1) }',
  'function second(send) { let y = 1; send((x) => x + y) }',
  'function third(send) { send((x) => x + 2) }',
  'function fourth(send) { let y = 1; send(function (x) { return x + y }) }',
  'function fifth(send) { send((x) => x + 3) }',
  'function sixth(send) { let y = 1; send((x) => x * y) }',
];
const PROGRAM = `"use strict";[${KINDS.join(',\n')}]`;
