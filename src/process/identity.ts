/**
 * Who this process is in the family of its user: name, numbers, daemon flag, key.
 *
 * Runs in every process. A child gets it from its parent's BOOT frame before user code runs.
 */
import { origin } from '../logging/capture-state.js';
import { binding } from '../native/binding.js';
import { systemError } from '../substrate/failure.js';
import type { Boot } from './frames.js';

let boot: Boot | undefined;
let constructions = 0;
let mainKey: Uint8Array | undefined;
let name: (() => string) | undefined;
let loads: (() => boolean) | undefined;

/** What the parent said of this process; undefined in a main process. */
export function bootOf(): Boot | undefined {
  return boot;
}

export function setBoot(received: Boot): void {
  boot = received;
  origin.name = currentName;
}

/** Undoes `setBoot` and `setCurrentName`. */
export function forgetIdentity(): void {
  boot = undefined;
  name = undefined;
}

/** The name of this process, as `currentProcess().name`. */
export function currentName(): string {
  return name?.() ?? boot?.name ?? 'MainProcess';
}

/** Where the name is when there is an object that may be renamed. */
export function setCurrentName(read: () => string): void {
  name = read;
  origin.name = currentName;
}

/** Numbers for a child constructed now: those of this process and a count of its own. */
export function nextIdentity(): number[] {
  constructions++;
  return [...(boot?.identity ?? []), constructions];
}

/** Whether modules are being loaded now for what the parent wants to be run: that may be a module that wants children when it is loaded. */
export function loadsForParent(): boolean {
  return loads?.() ?? false;
}

export function setLoading(read: () => boolean): void {
  loads = read;
}

/** The family's key: 32 random bytes of the main process, inherited. */
export function authKey(): Uint8Array {
  return boot?.authKey ?? (mainKey ??= randomKey());
}

function randomKey(): Uint8Array {
  const key = new Uint8Array(32);
  const errno = binding().randomFill(key);
  if (errno !== 0) throw systemError('make a random key', errno, 'getrandom');
  return key;
}
