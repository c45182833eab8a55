exports.index = () => require('../src/index.ts');
exports.futures = () => require('../src/futures/index.ts');
exports.runProcess = () => require('../src/process/process-main.ts').runProcess();
exports.runWorker = () => require('../src/workers/worker-main.ts').runWorker();
