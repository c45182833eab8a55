/** The worker side of poolifier.js, as a thread. */
import { ThreadWorker } from 'poolifier';

export const worker = new ThreadWorker((/** @type {any} */ x) => x + 1);
