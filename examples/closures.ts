// Closures over imports, variables and classes give the same in whatever way the script is run:
// node examples/closures.ts (Node 22.18 or newer), npx tsx examples/closures.ts, in a vitest test, after esbuild --bundle.
import { createHash } from 'node:crypto';
import { basename, extname } from 'node:path';
import { Process, ProcessPoolExecutor } from 'multiproc';

const weights = new Map([
  ['.txt', 2],
  ['.md', 3],
]);
class Scorer {
  readonly #weight: number;
  constructor(weight: number) {
    this.#weight = weight;
  }
  score(text: string): number {
    return createHash('sha1').update(text).digest().readUInt8(0) * this.#weight;
  }
}
function rank(file: string): string {
  const scorer = new Scorer(weights.get(extname(file)) ?? 1);
  return `${basename(file)} ${scorer.score(file)}`;
}

const executor = new ProcessPoolExecutor({ maxWorkers: 2 });
try {
  const files = ['/a/one.txt', '/a/two.md', '/b/three.ts'];
  for await (const line of executor.map(rank, files)) console.log(line);
  const longest = await executor.submit((names: string[]) => names.map((name) => rank(name)).sort()[0], files);
  const child = new Process({ target: async (count: number) => `${longest}, one of ${count}`, args: [files.length] });
  console.log(await (await child.start()).result());
} finally {
  await executor.shutdown();
}
