/** The worker side of poolifier.js, as a thread. */
import { ThreadWorker } from 'poolifier';
import { tasks } from './tasks.js';

export const worker = new ThreadWorker(tasks);
