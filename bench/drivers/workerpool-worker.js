/** The worker side of workerpool.js: the library's module both is imported here and acts on import. */
import workerpool from 'workerpool';
import { tasks } from './tasks.js';

workerpool.worker(tasks);
