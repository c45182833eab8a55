// One log file of many processes, rotated by size: node examples/rotating-log.mjs FOLDER
// Only this process writes it, so no line is torn or lost when it is rotated; the workers know nothing of files.
import { closeSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { configure, getLogger, getTextFormatter } from '@logtape/logtape';
import { ProcessPoolExecutor } from 'multiproc';
import { escapeControls } from 'multiproc/logging';

/** A sink that writes to `path`; when that is full it becomes `path.1`, that one `path.2`, and so on. */
function rotatingFile(path, { maxBytes, files, format }) {
  let file = openSync(path, 'a');
  let size = statSync(path).size;
  const rotate = () => {
    closeSync(file);
    for (let i = files - 1; i > 0; i--) {
      const older = i === 1 ? path : `${path}.${i - 1}`;
      if (statSync(older, { throwIfNoEntry: false }) !== undefined) renameSync(older, `${path}.${i}`);
    }
    rmSync(path, { force: true }); // where there shall be only one file
    file = openSync(path, 'a');
    size = 0;
  };
  return (record) => {
    const line = Buffer.from(`${escapeControls(format(record).trimEnd())}\n`);
    if (size > 0 && size + line.length > maxBytes) rotate();
    size += writeSync(file, line);
  };
}

const format = getTextFormatter({
  level: 'FULL',
  timestamp: 'rfc3339',
  value: (value) => String(value),
  format: ({ timestamp, level, category, message, record: { properties } }) =>
    `${timestamp} ${level} ${properties.processName} task ${properties.taskId} ${category}: ${message}`,
});

const folder = process.argv[2] ?? 'logs';
mkdirSync(folder, { recursive: true });
await configure({
  sinks: { file: rotatingFile(join(folder, 'app.log'), { maxBytes: 64_000, files: 20, format }) },
  loggers: [
    { category: 'app', lowestLevel: 'info', sinks: ['file'] },
    { category: ['logtape', 'meta'], lowestLevel: 'error' },
  ],
});

const executor = new ProcessPoolExecutor({ maxWorkers: 4 });
const work = (job) => {
  const log = getLogger(['app', 'work']);
  for (let step = 0; step < 100; step++) log.info('job {job} step {step}', { job, step });
};
for await (const _ of executor.map(work, Array(50).keys()));
await executor.shutdown();
console.log(`${50 * 100} lines in ${folder}`);
