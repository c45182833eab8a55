/**
 * Gets a process ready to send functions while it waits for its first worker: opens the inspector, and lets V8 compile what
 * sending one takes, and learn from some calls of it. The first functions that the user sends take a third of the time then.
 *
 * Runs in the process that sends, where there is a CPU for it beside the worker that starts, and nothing has been sent yet:
 * who has sent a function is ready. Some 10 to 20 ms once, half a millisecond in a turn of the event loop. Never throws: where no function
 * can be inspected, the user's own will say so.
 */
import { availableParallelism } from 'node:os';
import { runInThisContext } from 'node:vm';
import { analyseSource } from './function-source.js';
import { inspectorIsOpen } from './inspector-session.js';
import { commonExports } from './module-definitions.js';
import { pathInScope } from './function-scopes.js';
import { isMainScript } from './module-main.js';

type Send = (fn: object) => void;

/**
 * Sends some functions of its own, one in each of the next turns of the event loop; in a process once.
 *
 * @param rehearse Makes what sends them to nobody.
 * @param isOver Whether the worker has started: the rounds that are then still to come are left out.
 */
export function warmUp(rehearse: () => Send, isOver: () => boolean): void {
  if (begun || availableParallelism() < 2) return;
  begun = true;
  const sends = steps(rehearse, isOver);
  const goOn = (): void => {
    try {
      if (sends.next().done === true) return;
    } catch {
      return;
    }
    setImmediate(goOn);
  };
  setImmediate(() => {
    if (!inspectorIsOpen()) goOn();
  });
}

/** Every script is a new one to V8, in turns one as the main script and one as a module. */
function* steps(rehearse: () => Send, isOver: () => boolean): Generator<void, void> {
  const sendTask = rehearse();
  const send = (fn: object): void => {
    isMainScript('file:///');
    pathInScope(SCOPE, fn);
    analyseSource('(x) => x + y', () => ['y'], false);
    sendTask(fn);
  };
  commonExports('file:///');
  for (let round = 0; round < (isOver() ? LEAST_ROUNDS : MOST_ROUNDS); round += 1) {
    const filename = `${round % 2 === 0 ? 'multiproc:' : 'file:///multiproc/'}warm-up-${round}`;
    const program = runInThisContext(`"use strict";[${KINDS.join(',\n')}] // ${round}`, { filename }) as ((send: Send) => void)[];
    for (const step of program) {
      step(send);
      yield;
    }
  }
}

let begun = false;
/** As the variables of a module are. */
const SCOPE = { number: 1, text: '', object: {}, lookFor: () => undefined, Class: class {} };
/** V8 learns what a function does with objects after some calls of it: the tenth send takes half of what the fourth takes. */
const LEAST_ROUNDS = 4;
/** The fortieth takes five sixths of what the twentieth takes: worth the time only while there is nothing else to do. */
const MOST_ROUNDS = 8;
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
