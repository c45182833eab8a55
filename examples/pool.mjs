// A pool: map over many items, results as they come.  node examples/pool.mjs
import { Pool } from 'multiproc';

const isPrime = (n) => {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return n > 1;
};

const pool = new Pool(2);
try {
  const primes = await pool.map(
    isPrime,
    Array.from({ length: 100_000 }, (_, n) => n),
  );
  console.log(primes.filter(Boolean).length);
  for await (const { length } of pool.imapUnordered((n) => 'x'.repeat(n), [3, 1, 2])) console.log(length);
} finally {
  await pool.terminate();
}
