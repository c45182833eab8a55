/**
 * How a function's text becomes an expression, and the names that stand for what text alone cannot say.
 *
 * Runs in every process.
 */
import type { SourceForm } from './definition-body.js';

/** Stands for `import.meta` in a text that is no module. */
export const META_NAME = '$multiproc_meta';

/** Stands for the class that a class extends. */
export const BASE_NAME = '$multiproc_base';

/** Stands for the environment of a task. */
export const ENV_NAME = '$multiproc_env';

/** Whether the text is that of a class. */
export function isClassText(text: string): boolean {
  return /^class\b/.test(text);
}

/** What turns the text into an expression whose value is the function; a `method` becomes the member of an object literal. */
export function expressionAround(form: SourceForm): { readonly before: string; readonly after: string } {
  if (form === 'task') return { before: '(', after: `\n)(${ENV_NAME})` };
  return form === 'expression' ? { before: '(', after: '\n)' } : { before: PICK_MEMBER, after: '\n})' };
}

const PICK_MEMBER =
  '((o) => { const d = Object.getOwnPropertyDescriptor(o, Reflect.ownKeys(o)[0]); return d.value ?? d.get ?? d.set })({';
