/** The worker side of poolifier.js, as a cluster process. CommonJS: an ESM cluster worker misses early messages (nodejs/node#48578) and the pool hangs. */
const { ClusterWorker } = require('poolifier');
const { tasks } = require('./tasks.js');

module.exports = new ClusterWorker(tasks);
