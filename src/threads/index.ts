/**
 * The entry point `multiproc/threads`: threads with the face of processes.
 *
 * Runs in every process; importing it starts nothing.
 */
// oxlint-disable-next-line import/no-cycle -- the list of its exports
import * as exported from './index.js';
import { registerOwnExports } from '../wire/own-exports.js';

export { Thread, type ThreadOptions } from './thread.js';

registerOwnExports(exported);
