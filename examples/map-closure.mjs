// map() with an inline function that captures variables and imports.  node examples/map-closure.mjs
import { basename } from 'node:path';
import { ProcessPoolExecutor } from 'multiproc';

function* numbers() {
  for (let n = 0; ; n++) yield n;
}

const label = basename(process.argv[1]);
const factor = 10n ** 20n;
const executor = new ProcessPoolExecutor();
try {
  // Endless input: items are sent only as far ahead as the workers need.
  for await (const line of executor.map((n) => `${label}: ${n} -> ${factor * BigInt(n)} (${basename('/a/b')})`, numbers())) {
    console.log(line);
    if (line.includes(': 5 ')) break;
  }
} finally {
  await executor.shutdown({ cancelFutures: true });
}
