/** The worker side of workerpool.js: the library's module both is imported here and acts on import. */
import workerpool from 'workerpool';

workerpool.worker({ increment: (/** @type {number} */ x) => x + 1 });
