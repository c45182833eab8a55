/**
 * Keeps what V8 makes of the bundled library beside it, for the node that runs this: children of this node start some
 * milliseconds sooner. Part of the build and of the package's installation; never run by the library itself.
 *
 * V8 keeps the functions that ran. So the core is taken from a child that has run a target, and once more from a worker that
 * has run a task; the rest from this process after both, which is what most parents need.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CORE = fileURLToPath(new URL('../dist/bundle/core.cjs', import.meta.url));

/** Writes what V8 has compiled of a file in this process. */
function keepCompiled(core, name) {
  const { renameSync, writeFileSync } = process.getBuiltinModule('node:fs');
  const { file, code } = process.getBuiltinModule('node:module').createRequire(core)(core).codeCache(name);
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, code);
  renameSync(unfinished, file);
}

/** The same with the core when this process ends: how it does that is among what it has compiled. */
function keepCompiledAtEnd(keep, core) {
  process.once('exit', () => keep(core, 'core'));
}

/** A module that does the same in a fork server, if it is one that forks: its children have other flags than the next server. */
function keepCompiledByServer(core) {
  return `${keepCompiled}
    if (process.execArgv.includes('--single-threaded')) for (const name of ['core', 'rest']) keepCompiled(${JSON.stringify(core)}, name);`;
}

/** Writes the files; does nothing if there is no bundle. */
export async function writeCodeCache() {
  if (!existsSync(CORE)) return;
  for (const file of readdirSync(dirname(CORE)))
    if (/^(?:-forks|-worker)?\.cache$/.test(file.split(`.${process.version}-${process.arch}`)[1] ?? ''))
      rmSync(join(dirname(CORE), file));
  const { ForkServerProcess, Process, ProcessPoolExecutor, setForkserverPreload } = await import('../dist/bundle/index.js');
  const child = new Process({ target: keepCompiledAtEnd, args: [keepCompiled, CORE] });
  await child.start();
  await child.join();
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  await executor.submit(keepCompiledAtEnd, keepCompiled, CORE);
  await executor.shutdown();
  keepCompiled(CORE, 'rest');
  setForkserverPreload([`data:text/javascript,${encodeURIComponent(keepCompiledByServer(CORE))}`]);
  const forked = new ForkServerProcess({ target: (x) => x });
  await forked.start();
  await forked.join();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeCodeCache();
