/**
 * What a Process child does: waits for its target, runs it, sends the result or the error, ends.
 *
 * Runs in children only.
 */
import { faultPoint } from '../substrate/fault.js';
import { self } from '../substrate/self.js';
import { decodeArgs, decodeValue, encodeValue } from '../wire/codec.js';
import { encodeFailure } from '../wire/remote-error.js';
import { startChild, type ParentLink } from './child-main.js';
import { catchFatal } from './fatal.js';
import { FAILURE, NOTHING, READY, RESULT, START, SUBCLASS, TARGET, type Boot } from './frames.js';
import { becomeProcess, type Start } from './process.js';
import { InvalidStateError } from '../errors.js';

/** Lives this process's life. */
export function runProcess(): void {
  startChild({
    start(boot, parent) {
      let subclass: Start['subclass'];
      let target: Start['target'];
      let broken: { error: unknown } | undefined;
      return (kind, buffer, start, end) => {
        if (broken === undefined && kind === SUBCLASS) broken = attempt(() => (subclass = decodeValue(buffer, start, end) as Start['subclass']));
        if (broken === undefined && kind === TARGET) broken = attempt(() => (target = decodeValue(buffer, start, end) as Start['target']));
        if (kind !== START) return;
        faultPoint('task.beforeDecode');
        run(boot, parent, () => {
          if (broken !== undefined) throw broken.error;
          return { subclass, target, args: decodeArgs(buffer, start, end) };
        });
      };
    },
  });
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

function run(boot: Boot, parent: ParentLink, decode: () => Start): void {
  const fail = (error: unknown, handle: (error: unknown) => void): void => {
    try {
      handle(error);
    } finally {
      parent.send(FAILURE, encodeFailure(error, { name: boot.name, pid: process.pid }));
      process.exit(1);
    }
  };
  let handle: (error: unknown) => void = (error) => console.error(`Exception in ${boot.name}:`, error);
  catchFatal((error) => fail(error, handle));
  let target: () => unknown;
  try {
    const me = becomeProcess(decode(), boot);
    handle = me.handleException;
    target = me.run;
  } catch (error) {
    fail(error, handle);
    return;
  }
  parent.sendBytes(READY, NOTHING, 0, 0);
  faultPoint('task.running');
  let settled = false;
  process.on('beforeExit', () => {
    if (settled) return;
    settled = true;
    handle(new InvalidStateError(`${boot.name} has nothing left to wait for, but what its target returned never settles`));
    process.exit(NEVER_SETTLES);
  });
  // The target's own work keeps the process alive from here on.
  self().doorbell.release();
  runTarget(target).then(
    (value) => {
      settled = true;
      try {
        parent.send(RESULT, encodeValue(value, 'result'));
      } catch (error) {
        fail(error, handle);
        return;
      }
      process.exit();
    },
    (error: unknown) => {
      settled = true;
      fail(error, handle);
    },
  );
}

async function runTarget(target: () => unknown): Promise<unknown> {
  return await target();
}
