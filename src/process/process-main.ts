/**
 * What a Process child does: waits for its target, runs it, sends the result or the error, ends.
 *
 * Runs in children only.
 */
import { say } from '../logging/own-logger.js';
import { faultPoint } from '../substrate/fault.js';
import { self } from '../substrate/self.js';
import { decodeArgs, decodeValue, encodeValue } from '../wire/codec.js';
import { encodeFailure } from '../wire/remote-error.js';
import { classNamed } from './child-kind.js';
import { IN_PROCESS, startChild, type ChildProgram, type ParentLink, type Surroundings } from './child-main.js';
import { type Became, becomeProcess } from './current-process.js';
import { catchFatal } from './fatal.js';
import { FAILURE, NOTHING, READY, RESULT, START, SUBCLASS, TARGET, type Boot } from './frames.js';
import { Process } from './process.js';
import { endInOrder } from './process-end.js';
import type { Start } from './start-frames.js';
import { InvalidStateError } from '../errors.js';
import { exceptionText } from './exception-text.js';

/** Lives this process's life. */
export function runProcess(): void {
  runChild(Process, IN_PROCESS);
}

/**
 * Lives the life of a child whose object of itself is, unless the parent says otherwise, a `ProcessClass`.
 *
 * @param live What it does when it has been told everything.
 */
export function runChild(ProcessClass: typeof Process, surroundings: Surroundings, live: (life: Life) => void = run): void {
  const program: ChildProgram = {
    start(boot, parent) {
      let subclass: Start['subclass'];
      let target: Start['target'];
      let broken: { error: unknown } | undefined;
      return (kind, buffer, start, end, owned) => {
        if (broken === undefined && kind === SUBCLASS)
          broken = attempt(() => (subclass = decodeValue(buffer, start, end) as Start['subclass']));
        if (broken === undefined && kind === TARGET)
          broken = attempt(() => (target = decodeValue(buffer, start, end) as Start['target']));
        if (kind !== START) return;
        faultPoint('task.beforeDecode');
        const decode = (): Start => {
          if (broken !== undefined) throw broken.error;
          return { subclass, target, args: decodeArgs(buffer, start, end, { owned }) };
        };
        live({
          boot,
          parent,
          surroundings,
          become: () => becomeProcess(decode(), boot, classNamed(boot.className) ?? ProcessClass),
        });
      };
    },
  };
  startChild(program, surroundings);
}

function attempt(act: () => unknown): { error: unknown } | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return { error };
  }
}

/** The exit code node itself uses when a promise can never settle any more. */
const NEVER_SETTLES = 13;

/** A child that has been told what to run. */
export interface Life {
  readonly boot: Boot;
  readonly parent: ParentLink;
  readonly surroundings: Surroundings;
  readonly become: () => Became;
}

function run({ boot, parent, surroundings: { flushOutput }, become }: Life): void {
  let handle: (error: unknown) => void = (error) => console.error(exceptionText(boot.name, error));
  const report = (error: unknown): void => {
    parent.send(FAILURE, encodeFailure(error, { name: boot.name, pid: process.pid }));
    try {
      handle(error);
    } catch (second) {
      console.error(exceptionText(`handleException of ${boot.name}`, second));
    }
  };
  let settled = false;
  const fail = (error: unknown, exitCode = 1): void => {
    settled = true;
    process.exitCode = exitCode;
    try {
      report(error);
    } finally {
      const leave = () => process.exit();
      void flushOutput().then(leave, leave);
    }
  };
  catchFatal((error) => fail(error));
  let target: () => unknown;
  try {
    const me = become();
    handle = me.handleException;
    target = me.run;
  } catch (error) {
    fail(error);
    return;
  }
  parent.sendBytes(READY, NOTHING, 0, 0);
  faultPoint('task.running');
  process.on('beforeExit', () => {
    if (!settled)
      fail(
        new InvalidStateError(`${boot.name} has nothing left to wait for, but what its target returned never settles`),
        NEVER_SETTLES,
      );
  });
  if (boot.talks) say('info', 'child process calling run()');
  // The target's own work keeps the process alive from here on.
  self().doorbell.release();
  void runTarget(target)
    .then((value) => {
      parent.send(RESULT, encodeValue(value, 'result', { inFlight: true }));
    })
    .catch((error: unknown) => {
      process.exitCode = 1;
      report(error);
    })
    .then(async () => {
      settled = true;
      await endInOrder();
      await flushOutput();
      process.exit();
    });
}

async function runTarget(target: () => unknown): Promise<unknown> {
  try {
    return await target();
  } finally {
    // What it put off until the end of its turn comes first, such as warnings.
    await new Promise<void>((resolve) => process.nextTick(resolve));
  }
}
