/**
 * The frames of the private link between a parent and its child.
 *
 * Runs in both. Kind 2 (DEFINE) belongs to `wire/shipper.ts`; kinds from 16 on to the worker engine.
 */

import type { StartMethod } from './start-method.js';

/** Parent → child, once, first: who the child is (an encoded `Boot`). */
export const BOOT = 1;
/** Parent → child, last of three: the encoded arguments of the target; the child runs then. */
export const START = 3;
/** Child → parent: user code is about to run. */
export const READY = 4;
/** Child → parent: what the target returned. */
export const RESULT = 5;
/** Child → parent: the target's error. */
export const FAILURE = 6;
/** Child → parent, last: it ends by itself, with this exit code (i32). */
export const END = 7;
/** Parent → child, before START: the encoded subclass and its fields, where it is one. */
export const SUBCLASS = 8;
/** Parent → child, before START: the encoded target. */
export const TARGET = 9;
/** Parent → child that is a thread and listens to SIGINT: run that handler. */
export const INTERRUPT = 10;
/** First kind of the worker engine. */
export const WORKER_FRAMES = 16;

/** Who a child is. */
export interface Boot {
  readonly name: string;
  readonly daemon: boolean;
  /** Numbers of the constructions on the way from the main process: its own children append theirs. */
  readonly identity: readonly number[];
  readonly parentName: string;
  readonly parentPid: number;
  readonly argv: readonly string[];
  readonly authKey: Uint8Array;
  readonly detached: boolean;
  /** The start method that the child begins with; undefined: none was chosen. */
  readonly startMethod: StartMethod | undefined;
  /** The library's class of its Process object, if it has one. */
  readonly className?: string | undefined;
  /** Where the parent says what log records it wants; 0: it wants none. */
  readonly logs: number;
  /** Console output becomes log records. */
  readonly captureConsole: boolean;
  /** Somebody listens to the library's own messages. */
  readonly talks: boolean;
}

/** The payload of a frame that says all by its kind. */
export const NOTHING: Uint8Array = new Uint8Array(0);
