/**
 * What a child gets to run, as frames: made before anything is started, because that is where a user's values can fail.
 *
 * Runs in parents; the child reads them in `process-main.ts`.
 */
import { encodeArgs, encodeValue } from '../wire/codec.js';
import type { Encoded } from '../wire/codec-types.js';
import { bootFor } from './child-setup.js';
import { BOOT, START, SUBCLASS, TARGET } from './frames.js';
import type { Process } from './process.js';

/** What the child gets to run. */
export interface Start {
  /** The subclass whose `run()` it is, and the fields it added; undefined for a class of the library. */
  readonly subclass: { readonly processClass: typeof Process; readonly fields: object } | undefined;
  readonly target: ((...args: unknown[]) => unknown) | undefined;
  readonly args: readonly unknown[];
}

/**
 * The frames of a child, in the order in which they are sent.
 *
 * @throws {SerializationError} If one of the values cannot be sent.
 * @throws {InvalidStateError} If this process may not have children.
 */
export function startFrames(child: Parameters<typeof bootFor>[0], { subclass, target, args }: Start): [number, Encoded][] {
  const frames: [number, Encoded][] = [[BOOT, encodeValue(bootFor(child), 'boot')]];
  if (subclass !== undefined) frames.push([SUBCLASS, encodeValue(subclass, 'this')]);
  frames.push([TARGET, encodeValue(target, 'target')], [START, encodeArgs(args)]);
  return frames;
}
