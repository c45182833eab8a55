// A worker that dies does not hang anybody: its task's future says what happened.  node examples/worker-death.mjs
import { BrokenProcessPoolError, ProcessDiedError, ProcessPoolExecutor } from 'multiproc';

const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
try {
  await executor.submit(() => process.kill(process.pid, 'SIGKILL')).result();
} catch (error) {
  const death = error instanceof BrokenProcessPoolError ? error.cause : error;
  console.log(error.name, death instanceof ProcessDiedError, death.signal, death.phase);
} finally {
  await executor.shutdown();
}
