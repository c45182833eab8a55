/** The worker side of jest-worker.js: an object of functions. CommonJS, for what it imports as a module it calls as a default export too. */
const { tasks } = require('./tasks.js');

module.exports = tasks;
