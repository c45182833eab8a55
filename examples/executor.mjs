// An executor: submit functions, await their futures.  node examples/executor.mjs
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ProcessPoolExecutor } from 'multiproc';

async function digest(path) {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

const executor = new ProcessPoolExecutor({ maxWorkers: 2 });
try {
  const self = fileURLToPath(import.meta.url);
  const future = executor.submit(digest, self);
  console.log(await future.result());
  console.log(await executor.submit(Math.hypot, 3, 4));
} finally {
  await executor.shutdown();
}
