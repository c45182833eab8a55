// A process that runs an ordinary function and gives its result back.  node examples/process.mjs
import { Process } from 'multiproc';

function countPrimes(limit) {
  let count = 0;
  next: for (let n = 2; n < limit; n++) {
    for (let d = 2; d * d <= n; d++) if (n % d === 0) continue next;
    count++;
  }
  return count;
}

const processes = [100_000, 200_000, 300_000].map((limit) => new Process({ target: countPrimes, args: [limit] }));
for (const process of processes) await process.start();
for (const process of processes) {
  console.log(`${process.name} (pid ${process.pid}): ${await process.result()} primes`);
}
