/**
 * Makes text harmless for a terminal: what would move its cursor, clear it or set its title is shown, not done.
 *
 * Runs in every process.
 */

/** All control characters but the tab and, if wanted, the newline; and those that turn the direction of writing. */
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\n/g;

/**
 * The text with its control characters as escapes such as `\x1b`.
 *
 * @param options.newlines Leaves newlines as they are. Default false: one record, one line.
 */
export function escapeControls(text: string, options?: { readonly newlines?: boolean }): string {
  return text.replace(CONTROLS, (character) => {
    if (character === '\n') return options?.newlines === true ? character : '\\n';
    if (character === '\r') return '\\r';
    const code = character.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}
