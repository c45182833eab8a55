/**
 * The module of a target, which Node 20 loads by `require` where it is the first of the user's in a child: nobody can tell but by
 * the time.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Process, Thread } from 'multiproc';
import { clean, folder, soon } from './process-support.js';

type Target = () => unknown;

/** With the family of the bundle brought up before the first count. */
const cleanly = (body: (t: TestContext) => Promise<void>) =>
  clean(body, { warmUp: async () => void (await run(Process, () => {})) });

/** Writes modules; the line `LOG` in one notes that it is evaluated. */
function modules(t: TestContext, texts: Record<string, string>) {
  const place = folder(t);
  const log = join(place, 'log');
  const write = (more: Record<string, string>): void => {
    for (const [name, text] of Object.entries(more)) {
      const note = `process.getBuiltinModule('node:fs').appendFileSync(${JSON.stringify(log)}, 'evaluated ${name} ');`;
      writeFileSync(join(place, name), text.replace('LOG;', note));
    }
  };
  write(texts);
  return {
    write,
    url: (name: string) => pathToFileURL(join(place, name)).href,
    load: async (name: string) => (await import(pathToFileURL(join(place, name)).href)) as Record<string, Target>,
    /** What was evaluated since the last question. */
    evaluated(): string {
      const text = readFileSync(log, 'utf8').trim();
      writeFileSync(log, '');
      return text;
    },
  };
}

async function run(Kind: typeof Process, target: Target, options: { execArgv?: string[] } = {}): Promise<unknown> {
  const child = new Kind({ target, ...options, ...(Kind === Process ? { stdio: 'ignore' as const } : {}) });
  try {
    await child.start();
    return await soon(child.result(), 'the result');
  } finally {
    await child.join();
  }
}

for (const Kind of [Process, Thread as unknown as typeof Process]) {
  const has = `A ${Kind.name} whose target is in an ES module`;

  test(
    `${has} evaluates it once; it is what import() gives, and in no cache of require`,
    cleanly(async (t) => {
      const { load, evaluated } = modules(t, {
        'a.mjs': `LOG;
          import { b } from './b.mjs';
          export const t = async () => {
            const { cache } = process.getBuiltinModule('node:module').createRequire('/');
            const cached = Object.keys(cache).some((file) => file.endsWith('a.mjs'));
            return [(await import(import.meta.url)).t === t, import.meta.filename.endsWith('/a.mjs'), cached, b];
          };`,
        'b.mjs': `LOG; import * as c from './c.cjs'; export const b = c.default.c;`,
        'c.cjs': `LOG; exports.c = 'c';`,
      });
      const target = (await load('a.mjs'))['t'] as Target;
      evaluated();
      assert.deepEqual(await run(Kind, target), [true, true, false, 'c']);
      assert.equal(evaluated(), 'evaluated c.cjs evaluated b.mjs evaluated a.mjs');
    }),
  );

  test(
    `${has} that waits at its top level, or imports one that does`,
    cleanly(async (t) => {
      const { load, evaluated } = modules(t, {
        'a.mjs': `LOG; await new Promise(setImmediate); export const t = () => 'a';`,
        'b.mjs': `LOG; import { t as a } from './a.mjs'; export const t = () => a() + 'b';`,
      });
      const [a, b] = [(await load('a.mjs'))['t'], (await load('b.mjs'))['t']] as [Target, Target];
      evaluated();
      assert.equal(await run(Kind, a), 'a');
      assert.equal(evaluated(), 'evaluated a.mjs');
      assert.equal(await run(Kind, b), 'ab');
      assert.equal(evaluated(), 'evaluated a.mjs evaluated b.mjs');
    }),
  );

  test(
    `${has} that throws there says so, and evaluates it once`,
    cleanly(async (t) => {
      const { load, write, evaluated, url } = modules(t, { 'a.mjs': 'LOG; export const t = () => 1;' });
      const target = (await load('a.mjs'))['t'] as Target;
      write({ 'a.mjs': 'LOG; export const t = () => 1;\nthrow new RangeError("not here");' });
      evaluated();
      await assert.rejects(run(Kind, target), (error: Error) => {
        assert.equal(error.message, `Child could not import ${url('a.mjs')}: not here`);
        assert.match((error.cause as Error).stack ?? '', /^RangeError: not here\n {4}at file:.*\/a\.mjs:2:7\n/);
        return true;
      });
      assert.equal(evaluated(), 'evaluated a.mjs');
    }),
  );

  test(
    `${has} that cannot be compiled, linked or found there says where`,
    cleanly(async (t) => {
      const { load, write, url } = modules(t, {
        'a.mjs': `import { b } from './b.mjs'; export const t = () => b;`,
        'b.mjs': `export { c as b } from './c.mjs';`,
        'c.mjs': `export const c = 1;`,
      });
      const target = (await load('a.mjs'))['t'] as Target;
      const refused = async (file: string, text: string, message: RegExp, stack: string) => {
        write({ 'b.mjs': `export { c as b } from './c.mjs';`, 'c.mjs': `export const c = 1;`, [file]: text });
        await assert.rejects(run(Kind, target), ({ message: whole, cause }: Error) => {
          assert.match(whole, message);
          assert.ok((cause as Error).stack?.includes(stack), (cause as Error).stack);
          return true;
        });
      };
      await refused('c.mjs', 'export const d = 1;', /'\.\/c\.mjs' does not provide an export named 'c'$/, `${url('b.mjs')}:1\n`);
      await refused('b.mjs', 'export const d = 1;', /'\.\/b\.mjs' does not provide an export named 'b'$/, `${url('a.mjs')}:1\n`);
      await refused(
        'b.mjs',
        `export * from './none.mjs';`,
        /Cannot find module .*none\.mjs' imported from .*b\.mjs$/,
        'none.mjs',
      );
      await refused('c.mjs', 'export const c = ;', /Unexpected token ';'$/, 'Unexpected token');
    }),
  );

  test(
    `${has} with a default export gets its namespace as import() gives it`,
    cleanly(async (t) => {
      const { load, evaluated } = modules(t, {
        'a.mjs': `LOG; export default async function t() {
          const own = await import(import.meta.url);
          return [own.default === t, Object.keys(own)];
        }`,
        'b.mjs': `LOG; const odd = () => 'odd'; export { odd as 'module.exports' }; export const t = () => odd();`,
      });
      const [a, b] = [(await load('a.mjs'))['default'], (await load('b.mjs'))['t']] as [Target, Target];
      evaluated();
      assert.deepEqual(await run(Kind, a), [true, ['default']]);
      assert.equal(evaluated(), 'evaluated a.mjs');
      assert.equal(await run(Kind, b), 'odd');
      assert.equal(evaluated(), 'evaluated b.mjs');
    }),
  );

  test(
    `A ${Kind.name} whose target is in a CommonJS module that throws there evaluates it once`,
    cleanly(async (t) => {
      const { load, write, evaluated } = modules(t, { 'a.cjs': 'LOG; exports.t = () => 1;' });
      const target = (await load('a.cjs'))['t'] as Target;
      write({ 'a.cjs': 'LOG; throw new RangeError("not here");' });
      evaluated();
      await assert.rejects(run(Kind, target), /Child could not import .*a\.cjs: not here$/);
      assert.equal(evaluated(), 'evaluated a.cjs');
    }),
  );

  test(
    `${has} has nothing of import() loaded before it runs`,
    { skip: !/^v20\.(?:19\.[5-9]|[2-9]\d\.)/.test(process.version) && 'other versions import it' },
    cleanly(async (t) => {
      const { load } = modules(t, {
        'a.mjs': `export const t = () => process.moduleLoadList.filter((name) => /modules.esm.(?:load|resolve)$/.test(name));`,
      });
      assert.deepEqual(await run(Kind, (await load('a.mjs'))['t'] as Target), []);
    }),
  );
}

test(
  'A Process whose target is in an ES module has it from the loaders of its flags',
  cleanly(async (t) => {
    const { load, write, url } = modules(t, {
      'a.mjs': `const word = 'as it is'; export const t = () => word;`,
      'hooks.mjs': `export async function load(url, context, next) {
        const result = await next(url, context);
        return url.endsWith('/a.mjs') ? { ...result, source: String(result.source).replace('as it is', 'changed') } : result;
      }`,
    });
    write({ 'register.mjs': `import { register } from 'node:module'; register(${JSON.stringify(url('hooks.mjs'))});` });
    const target = (await load('a.mjs'))['t'] as Target;
    assert.equal(await run(Process, target, { execArgv: ['--import', url('register.mjs')] }), 'changed');
    assert.equal(await run(Process, target), 'as it is');
  }),
);
