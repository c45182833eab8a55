/**
 * What a child says on its stderr of an error that nobody caught.
 *
 * Runs in children. The error's message may come from anywhere, so nothing of it is done by a terminal.
 */
import { escapeControls } from '../logging/escape-controls.js';

/** The line that names whose error it is, and its stack. @param of Completes "Exception in …". */
export function exceptionText(of: string, error: unknown): string {
  const { format } = process.getBuiltinModule('node:util');
  return escapeControls(format('%s', `Exception in ${of}:`, error), { newlines: true });
}
