/**
 * Sees to it that no two children of a fork server draw the same random numbers.
 *
 * Runs in fork servers and their children. `Math.random` is V8's generator, seeded at its first use in a context: it must
 * not be used before the fork, so a stand-in serves the modules that the server loads. `randomUUID` and `randomInt` keep
 * bytes in store, which are used up or replaced after the fork if modules were loaded. OpenSSL itself notices a fork.
 */
import { setFlagsFromString } from 'node:v8';

const builtin = Math.random;
let forked = false;
/** Whether V8's generator was used before the fork in spite of all. */
let stale = false;
let own: () => number = builtin;

/** Puts a stand-in in place, which stays right in children for those who kept it. */
export function guardRandom(): void {
  own = ownGenerator();
  const random = (): number => (forked && !stale ? builtin() : own());
  Object.defineProperty(random, 'name', { value: 'random' });
  Math.random = random;
}

/**
 * Makes this child's randomness its own.
 *
 * @param how `stores`: whether somebody may have drawn from the stores.
 * @returns What V8's generator gave first.
 */
export function renewRandom({ stores }: { readonly stores: boolean }): number {
  const [seed = 0] = globalThis.crypto.getRandomValues(new Uint32Array(1));
  setFlagsFromString(`--random-seed=${(seed >>> 2) + 1}`);
  const first = builtin();
  own = ownGenerator(); // for what a preloaded module draws before it is known whether V8's was used
  if (stores) useUpStores();
  return first;
}

/**
 * To be called before user code runs.
 *
 * @param first What `renewRandom` returned.
 * @param firstOfAll The same of the server's first child: if they are equal, the generator was used before the fork.
 */
export function settleRandom(first: number, firstOfAll: number | null): void {
  forked = true;
  stale = first === firstOfAll;
  if (!stale) Math.random = builtin;
}

/**
 * Finds the store of `randomInt`, whose method of Buffer reads it: in a child, to fill it takes a tenth of the time that using it
 * up does. To be called when all modules are loaded.
 */
export function findStore(): void {
  const { randomInt } = process.getBuiltinModule('node:crypto');
  const prototype = Buffer.prototype as { readUIntBE: (at: number, bytes: number) => number };
  if (Object.getOwnPropertyDescriptor(prototype, 'readUIntBE')?.writable !== true) return; // a module has frozen it
  const { readUIntBE } = prototype;
  const reads: { readonly from: unknown; readonly at: number }[] = [];
  prototype.readUIntBE = function (at, bytes) {
    reads.push({ from: this, at });
    return Reflect.apply(readUIntBE, this, [at, bytes]);
  };
  try {
    randomInt(2); // all numbers but one in 2^48 do, so that each is read once
    randomInt(2);
  } finally {
    prototype.readUIntBE = readUIntBE;
  }
  const [first, second, ...others] = reads;
  const store = first?.from;
  const goesOn = store === second?.from && first?.at !== second?.at && others.length === 0;
  if (goesOn && store instanceof Uint8Array && store.length === INTS_IN_STORE * BYTES_OF_INT) intStore = store;
}

/** undefined: this node keeps it in another way. */
let intStore: Uint8Array | undefined;

function useUpStores(): void {
  const { randomUUID, randomInt, randomFillSync } = process.getBuiltinModule('node:crypto');
  for (let i = 0; i < UUIDS_IN_STORE; i++) randomUUID();
  if (intStore !== undefined) randomFillSync(intStore);
  else for (let i = 0; i < INTS_IN_STORE; i++) randomInt(2);
}

const UUIDS_IN_STORE = 128;
const INTS_IN_STORE = 1024;
const BYTES_OF_INT = 6;

/** xoshiro128**, with 128 bits of the system's randomness. */
function ownGenerator(): () => number {
  const state = globalThis.crypto.getRandomValues(new Uint32Array(4));
  const next = (): number => {
    const [a = 0, b = 0, c = 0, d = 0] = state;
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0;
    const third = c ^ a;
    const fourth = d ^ b;
    state[1] = b ^ third;
    state[0] = a ^ fourth;
    state[2] = third ^ (b << 9);
    state[3] = rotated(fourth, 11);
    return result;
  };
  return () => (next() * 2 ** 21 + (next() >>> 11)) / 2 ** 53;
}

function rotated(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
