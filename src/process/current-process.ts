/**
 * The process that runs this code, as an object: in a child the one that its parent described.
 *
 * Runs in every process.
 */
import { born } from './birth.js';
import type { Boot } from './frames.js';
import { bootOf, forgetIdentity, setCurrentName } from './identity.js';
import { Process } from './process.js';
import type { Start } from './start-frames.js';

let current: Process | undefined;
let OwnClass: typeof Process = Process;

/**
 * The object of the process that runs this code: in a child the Process itself, else `MainProcess`.
 *
 * @python `multiprocessing.current_process()`
 */
export function currentProcess(): Process {
  const boot = bootOf();
  // A worker too is a child, but was started with no Process of its own.
  const options = { name: boot?.name ?? 'MainProcess', daemon: boot?.daemon ?? false };
  return (current ??= makeOwn(options, OwnClass, boot?.identity ?? []));
}

/** Says of what class the object is that a child has of itself and did not get from its parent. */
export function setOwnClass(ProcessClass: typeof Process): void {
  OwnClass = ProcessClass;
}

/** The object that a child has of itself, ready to run. */
export interface Became {
  run(): unknown;
  handleException(error: unknown): void;
}

/** Makes the object that a child has of itself. */
export function becomeProcess({ subclass, target, args }: Start, boot: Boot, BaseClass: typeof Process): Became {
  const ProcessClass = subclass?.processClass ?? BaseClass;
  const me = makeOwn({ target, args: [...args], name: boot.name, daemon: boot.daemon }, ProcessClass, boot.identity);
  Object.assign(me, subclass?.fields);
  current = me;
  return { run: () => me.run(), handleException: (error) => ProcessClass.handleException(error) };
}

/** Undoes `becomeProcess`. */
export function unbecome(): void {
  current = undefined;
  forgetIdentity();
}

/** Without the constructor of a subclass: its work was done in the parent. */
function makeOwn(
  options: ConstructorParameters<typeof Process>[0],
  ProcessClass: typeof Process,
  identity: readonly number[],
): Process {
  const me = born({ identity, of: 'this process' }, () => Reflect.construct(Process, [options], ProcessClass) as Process);
  setCurrentName(() => me.name);
  return me;
}
