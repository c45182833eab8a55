// An error of a task arrives as the same class, with the stack of the process it comes from.
// node examples/error-with-remote-stack.mjs
import { ProcessPoolExecutor } from 'multiproc';

class NotFoundError extends Error {
  constructor(id) {
    super(`no record ${id}`);
    this.name = 'NotFoundError';
    this.id = id;
  }
}

function find(id) {
  if (id > 2) throw new NotFoundError(id);
  return { id };
}

const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
try {
  console.log(await executor.submit(find, 1).result());
  await executor.submit(find, 7).result();
} catch (error) {
  console.log(error instanceof NotFoundError, error.id);
  console.log(error.cause?.stack); // the child's stack: it names find() and this file
} finally {
  await executor.shutdown();
}
