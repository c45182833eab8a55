// The same job as an ordinary loop in one process: what the demo compares with.
// Usage: node one-process.mjs <file with paths, one per line>
import { readFileSync } from 'node:fs';
import { analyze } from './analyze.mjs';

for (const path of readFileSync(process.argv[2], 'utf8').split('\n')) {
  if (path !== '') process.stdout.write(`${JSON.stringify(await analyze(path))}\n`);
}
