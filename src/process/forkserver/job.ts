/**
 * What a fork server is told at its start, what it says then, and what it is told of each child.
 *
 * Runs in parents and in fork servers. All of it is JSON: the strings that the addon carries.
 */
import type { LaunchRequest } from '../launcher.js';
import type { Preload, PreloadFailure } from './preload.js';

/** The arguments of a fork server's command line, put together. */
export interface ServerTask {
  /** Whether it forks its children; else it becomes the one child itself. */
  readonly forks: boolean;
  readonly preload: Preload;
  /** What modules see as `process.argv`. */
  readonly argv: readonly string[];
}

/** A fork server's first and only words. */
export interface Greeting {
  /** Why it cannot fork. */
  readonly refusal?: string;
  readonly failures: readonly PreloadFailure[];
}

/** What a child runs. */
export type ForkProgram = LaunchRequest['entry'] | 'self-test';

/** What a child is told before it is one. */
export interface ChildOrder {
  readonly program: ForkProgram;
  /** Where its parent is: what a spawned child has as its argument. */
  readonly home: string;
  /** Changes of the server's environment. */
  readonly env: Readonly<Record<string, string | null>>;
  readonly cwd: string | null;
  /** What `Math.random()` gave in the server's first child: another one that gives it too has the same generator. */
  readonly random: number | null;
}

/** Descriptors of a fork server beside its stdio. */
export const ARENA_FD = 3;
export const PARENT_BELL_FD = 4;
export const CALLS_FD = 5;
export const REAPS_FD = 6;
