import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { VERSION } from '#src/native/own-files.js';
import { bundle, ROOT, runIn, withProject } from './loaders-support.js';

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string; sideEffects?: unknown };

const USES_OWN_NAMES = `
  import { ProcessPoolExecutor, Process, TimeoutError, cpuCount } from 'multiproc';
  class Mine extends Process { extra = 2; run() { return this.extra + cpuCount() - cpuCount() } }
  async function main() {
    const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    const nested = executor.submit(async () => {
      const child = new Process({ target: (x) => x * 2, args: [4] });
      await child.start();
      return child.result();
    });
    const thrown = await executor.submit(() => { throw new TimeoutError('mine') }).exception();
    const mine = new Mine();
    await mine.start();
    console.log(JSON.stringify([
      await nested, thrown instanceof TimeoutError, await executor.submit((error) => error instanceof TimeoutError, thrown),
      (await executor.submit(() => Process)) === Process, await mine.result(),
    ]));
    await executor.shutdown();
  }
  main();`;
const OWN_NAMES = '[8,true,true,true,2]\n';

for (const [name, options] of Object.entries({
  'as it is': undefined,
  bundled: ['--format=esm'],
  minified: ['--format=esm', '--minify'],
  'bundled as CommonJS': ['--format=cjs', '--log-override:empty-import-meta=silent'],
})) {
  // A bundler may drop the registration of our exports from a package that says it has no side effects.
  const todo = options !== undefined && manifest.sideEffects === false ? 'package.json claims sideEffects: false' : false;
  test(`a sent function that names the library's exports gets those of the child (${name})`, { todo }, () =>
    withProject({ 'main.mjs': USES_OWN_NAMES }, async (project) => {
      const main = options === undefined ? 'main.mjs' : options[0] === '--format=cjs' ? 'out.cjs' : 'out.mjs';
      if (options !== undefined) bundle(project, 'main.mjs', main, ...options);
      const { stdout, stderr } = await runIn(project, [main]);
      assert.equal(stdout, OWN_NAMES, stderr);
    }),
  );
}

const SIMPLE = `
  import { ProcessPoolExecutor, Process } from 'multiproc';
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  console.log(await executor.submit((x) => x + 1, 1).result());
  await executor.shutdown();`;

test('a bundle that cannot find the package says so, and how to bundle', () =>
  withProject({ 'main.mjs': SIMPLE }, async (project) => {
    bundle(project, 'main.mjs', 'out.mjs', '--format=esm');
    await withProject(
      { 'out.mjs': readFileSync(join(project, 'out.mjs'), 'utf8'), 'node_modules/multiproc/package.json': '{}' },
      async (elsewhere) => {
        const { stderr, code } = await runIn(elsewhere, ['out.mjs']);
        assert.equal(code, 1);
        assert.match(
          stderr,
          /UnsupportedPlatformError: Cannot find the files of multiproc .* was bundled into .*has version undefined.*mark it as external.*--external:multiproc/,
        );
      },
    );
  }));

test('a package of another version than the bundled code is refused', () =>
  withProject({ 'main.mjs': SIMPLE }, async (project) => {
    bundle(project, 'main.mjs', 'out.mjs', '--format=esm');
    const text = readFileSync(join(project, 'out.mjs'), 'utf8').replace(`"${VERSION}"`, '"0.0.9"');
    await withProject({ 'out.mjs': text }, async (elsewhere) => {
      assert.match(
        (await runIn(elsewhere, ['out.mjs'])).stderr,
        new RegExp(`files of multiproc 0\\.0\\.9: .* has version ${VERSION}`),
      );
    });
  }));

test('the version that bundles compare is that of package.json', () => assert.equal(VERSION, manifest.version));

test('a child that ends before it is ready fails what was asked of it, at once', () =>
  withProject(
    {
      'main.mjs': `
        import { ProcessPoolExecutor, Process, setExecutable } from 'multiproc';
        setExecutable('/bin/true');
        const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
        const child = new Process({ target: () => 1 });
        await child.start();
        const errors = [await executor.submit((x) => x + 1, 1).exception(), await child.exception()];
        console.log(errors.map((error) => error.name + ' ' + (error.cause ?? error).phase).join());
        await executor.shutdown();`,
    },
    async (project) => {
      const { stdout, stderr } = await runIn(project, ['main.mjs']);
      assert.equal(stdout, 'BrokenProcessPoolError starting,ProcessDiedError starting\n', stderr);
    },
  ));
