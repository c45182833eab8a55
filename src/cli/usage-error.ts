/**
 * The two errors that end a command with a plain message instead of a stack.
 *
 * Runs in the parent, the command line's process. Never part of the library's API: see `errors.ts` for that.
 */

/** The command was called wrongly: exit code 2. The message names the bad word. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command was right, but something it needs failed (a full disk, a broken pool): exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** The kernel's name of an error (`ENOENT`), or undefined. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** One line for a person: the message of an error, or the thrown value itself. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
