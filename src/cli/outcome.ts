/**
 * What became of one item.
 *
 * Runs in the parent.
 */
import type { BatchResult, ErrorRecord } from './map-task.js';
import { codeOf, messageOf } from './usage-error.js';

/** A result as JSON text, or an error. */
export type Outcome = { readonly json: string; readonly error?: never } | { readonly error: ErrorRecord; readonly json?: never };

/** The outcomes of a batch, in the order of its items. */
export function outcomesOf({ results, errors }: BatchResult): Outcome[] {
  const outcomes = results.map((json): Outcome => ({ json: json ?? 'null' }));
  for (const { position, error } of errors) outcomes[position] = { error };
  return outcomes;
}

/** Characters of JSON text in these outcomes. */
export function resultLength(outcomes: readonly Outcome[]): number {
  return outcomes.reduce((sum, { json }) => sum + (json?.length ?? 0), 0);
}

/** An error that came from outside the item's function, such as its worker's death. */
export function recordOf(error: unknown): ErrorRecord {
  const code = codeOf(error);
  return {
    name: error instanceof Error ? error.name : 'Error',
    message: messageOf(error),
    ...(code === undefined ? {} : { code }),
  };
}
