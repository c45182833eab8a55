/**
 * Bundles the library: a child starts some 20 ms sooner when it loads one file of few modules instead of seventy files.
 *
 * `core-modules.cjs` holds what a child needs before user code, `rest-modules.cjs` all else; each of their modules is initialised at its
 * first use. `core.cjs` gives them out, so there is one instance of each module in a thread whatever it imports; the ES
 * modules that users import only name what it gives. Built-in modules are taken by `process.getBuiltinModule`: an ES
 * import of them runs all their lazy getters, which costs a starting child another 8 ms.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { writeCodeCache } from './code-cache.js';
import { compile, IMPORT, NamedNumbers, targetOf, valuesOf } from './named-numbers.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Made aside, then put in place at once: programs may be running on the one before. */
const OUT = `${ROOT}dist/bundle-${process.pid}/`;
const PLACE = `${ROOT}dist/bundle`;

/** Programs of children. */
const CHILDREN = {
  'process-entry': ['process/process-main', 'runProcess'],
  'worker-entry': ['workers/worker-main', 'runWorker'],
  'thread-worker-entry': ['workers/thread-worker-main', 'runThreadWorker'],
  'thread-entry': ['threads/thread-main', 'runThread'],
};
/** Programs of which a parent starts one, and that load the library whole. */
const SERVERS = { 'forkserver-entry': ['workers/forkserver-main', 'runForkserver'] };
/** The program of a thread that has nothing of the library but what it imports. */
const TLS_RELAY = ['tls-relay-entry', 'channel/tls-relay-main', 'runTlsRelay'];
/** What users import. */
const PUBLIC = {
  index: 'index',
  connection: 'channel/index',
  futures: 'futures/index',
  threads: 'threads-index',
  'shared-memory': 'memory/index',
  logging: 'logging/index',
  managers: 'manager/index',
};
const CLI = 'cli/main';
/**
 * Modules that export functions (and numbers) only, which a starting child does not call: `core-modules.cjs` initialises them at the first call.
 * They are in `rest-modules.cjs`, with what only they import, or in `core-modules.cjs` where they must work when nothing else does.
 */
const LATER = {
  rest: [
    'wire/function-writing',
    'wire/class-writing',
    'wire/module-snapshot',
    'wire/loader-flags',
    'process/child-setup',
    'process/process-kind',
    'process/start-method',
    'process/resource-limits',
    'process/start-frames',
    'process/launcher',
    'threads/thread-launcher',
    'process/shared-classes',
    'channel/net-handles',
    'logging/forwarder',
    'logging/own-logger',
    'logging/log-table',
    'logging/collector',
  ],
  core: [
    'wire/array-runs',
    'wire/builtin-objects',
    'wire/error-classes',
    'wire/loader-hooks',
    'wire/refusal',
    'wire/remote-error',
    'wire/value-path',
    'workers/message-shelf',
    'process/active-children',
    'process/exit-status',
    'process/late-certificates',
    'process/process-end',
  ],
};

const OUTPUT = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: true,
  sourcesContent: false,
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 160,
  legalComments: 'none',
  logLevel: 'warning',
};

const LATER_BUILTINS = ['node:crypto', 'node:perf_hooks', 'node:tls', 'node:child_process', 'node:readline'];

const REEXPORT = /^export (?!type\b)(\{[^}]*\}|\*) from '([^']+)';/gm;
const DYNAMIC_IMPORT = /\bimport\('(\.[^']+\.js)'\)/g;
/** Of a module of the user: a script has no `import()` of its own, it must be handed in. Not within a text. */
const IMPORT_OF_USER = /(?<!\(\w+\) => )\bimport\((?=[\w.]+\))/g;
const CORE_FROM_MODULE = "const core = process.getBuiltinModule('node:module').createRequire(import.meta.url)('./core.cjs');\n";

process.chdir(ROOT);
const sources = new Map();
const named = new NamedNumbers(sources);
const coreModules = await closure(
  Object.values(CHILDREN).map(([name]) => name),
  (name, isDynamic) => !isDynamic && !LATER.rest.includes(name),
);
const servers = Object.values(SERVERS).map(([name]) => name);
const allModules = await closure([...coreModules, ...Object.values(PUBLIC), ...servers, ...LATER.rest], () => true);
const restModules = new Set([...allModules].filter((name) => !coreModules.has(name)));
const cliModules = existsSync(`src/${CLI}.ts`) ? await closure([CLI], (name) => name.startsWith('cli/')) : new Set();

await mkdir(OUT, { recursive: true });
await bundle(
  'core',
  coreModules,
  await takenFrom(
    coreModules,
    [...restModules, ...cliModules],
    Object.values(CHILDREN).map(([name]) => name),
  ),
);
await bundle(
  'rest',
  restModules,
  await takenFrom(restModules, [...coreModules, ...cliModules], [...Object.values(PUBLIC), ...servers]),
);
const texts = await Promise.all(['core-modules.cjs', 'rest-modules.cjs'].map((file) => readFile(OUT + file)));
const buildId = createHash('sha256').update(Buffer.concat(texts)).digest('hex').slice(0, 12);
const program = (await readFile('scripts/bundle-core.cjs', 'utf8')).replace('BUILD', buildId);
await writeFile(`${OUT}core.cjs`, program);
await writeFile(`${OUT}resolve.js`, 'export const resolve = (specifier) => import.meta.resolve(specifier);\n');
for (const [file, [name, run]] of Object.entries({ ...CHILDREN, ...SERVERS })) {
  // The same program once more: finding another file takes node longer than compiling this one.
  await writeFile(`${OUT}${file}.cjs`, `${program}\nexports.live('${name}', '${run}');\n`);
}
const core = createRequire(import.meta.url)(`${OUT}core.cjs`);
for (const [file, name] of Object.entries(PUBLIC)) await writeFile(`${OUT}${file}.js`, facade(file, core.module(name)));
if (cliModules.size > 0) await bundleCli();
await bundleRelay();
await rm(`${PLACE}-old`, { recursive: true, force: true });
if (existsSync(PLACE)) await rename(PLACE, `${PLACE}-old`);
await rename(OUT, PLACE);
await rm(`${PLACE}-old`, { recursive: true, force: true });
await writeCodeCache().catch((error) =>
  console.warn(`bundle: no code cache, so children start some milliseconds later: ${error.message}`),
);

/** The ES module that names what a module of the library exports. */
function facade(file, exported) {
  const names = Object.keys(exported).sort();
  for (const name of names) {
    const value = exported[name];
    if (typeof value === 'function' && value.name !== name && exported[value.name] !== value)
      throw new Error(`${file}: ${name} is called ${exported[name].name} in the bundle`);
  }
  return `${CORE_FROM_MODULE}const library = core.module('${PUBLIC[file]}');\n${names.map((name) => `export const ${name} = library.${name};\n`).join('')}`;
}

/** Bundles modules as one script: a function that adds initialisers of the modules in `given` to its first argument. */
async function bundle(file, modules, given) {
  const { outputFiles } = await build({
    ...common(modules),
    stdin: {
      contents: [...given].map((name) => `exports[${JSON.stringify(name)}] = () => require('./src/${name}.ts');`).join('\n'),
      resolveDir: ROOT,
      sourcefile: file,
    },
    outfile: `${OUT}${file}-modules.cjs`,
    format: 'cjs',
    define: { 'import.meta.url': '$host.url', 'import.meta.resolve': '$host.resolve' },
    banner: { js: '(function (exports, $host, require) { "use strict";' },
    footer: { js: '})' },
    write: false,
  });
  for (const { path, text } of outputFiles) await writeFile(path, /\.c?js$/.test(path) ? plain(text) : text);
}

async function bundleCli() {
  await build({
    ...common(cliModules),
    entryPoints: [`src/${CLI}.ts`],
    outfile: `${OUT}cli.js`,
    format: 'esm',
    banner: { js: `${CORE_FROM_MODULE}const $host = core.host;` },
  });
}

async function bundleRelay() {
  const [file, module, run] = TLS_RELAY;
  await build({
    ...OUTPUT,
    stdin: { contents: `require('./src/${module}.ts').${run}();`, resolveDir: ROOT, sourcefile: file },
    outfile: `${OUT}${file}.cjs`,
    format: 'cjs',
  });
}

function common(modules) {
  return { ...OUTPUT, plugins: [rewriter(modules)] };
}

/** Classes with the names that they have in the source; nothing moves. ASCII, because V8 takes that fastest. */
function plain(script) {
  const renamed = new Set([...script.matchAll(/\bclass (_[A-Z]\w*)/g)].map(([, name]) => name));
  let text = script;
  for (const name of renamed) text = text.replace(new RegExp(`(?<![\\w$.])${name}(?![\\w$])`, 'g'), ` ${name.slice(1)}`);
  const lost = /(?<!\.|\(\w+\) ?=> ?)\bimport\([\w.]+\)/.exec(text.replaceAll('\\\n', ''))?.[0];
  if (lost !== undefined) throw new Error(`a script cannot ${lost}`);
  const wide = /[^\x00-\x7f].*/.exec(text)?.[0];
  if (wide !== undefined) throw new Error(`not ASCII: ${wide}`);
  return exportedWhenAsked(text);
}

/**
 * esbuild makes the objects of all modules' exports at once, though a child asks for a few of them. So each is made where it is
 * asked for, and its place is left blank: but for those that a module of the same bundle has by `import *`.
 */
function exportedWhenAsked(script) {
  let text = script;
  for (const [statement, name, members] of script.matchAll(/__export\((\w+),\s*(\{[^{}]*\})\);/g)) {
    const asked = `__toCommonJS(${name})`;
    const uses = script.match(new RegExp(`(?<![\\w$])${name}(?![\\w$])`, 'g'));
    if (uses.length !== 3 || !script.includes(asked)) continue;
    text = text
      .replace(statement, statement.replace(/[^\n]/g, ' '))
      .replace(asked, () => `(__export(${name},${members}),${name})`);
  }
  return text;
}

/** Rewrites imports of Node's modules, of modules that initialise later, and of modules of the other bundle. */
function rewriter(modules) {
  return {
    name: 'imports',
    setup(plugin) {
      plugin.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
        const name = relative(join(ROOT, 'src'), path).replace(/\.ts$/, '');
        return { contents: await rewritten(name, modules), loader: 'js' };
      });
    },
  };
}

async function rewritten(name, modules) {
  const here = (target) => modules.has(target);
  await source(name);
  const define = named.define(name);
  const rewrite = (statement, taken, code) => (taken.length === 0 ? '' : code()) + blank(statement);
  const text = named
    .sourceWithout(name)
    .replace(IMPORT, (statement, clause, specifier) => {
      const taken = valuesOf(clause);
      if (specifier.startsWith('node:')) return rewrite(statement, taken, () => builtin(taken, specifier));
      const target = targetOf(name, specifier);
      const later = coreModules.has(name) && isLater(target);
      if (target === undefined) return statement;
      if (here(target) && !later) {
        if (/^[*\w]/.test(clause)) return statement;
        const others = named.take(taken, target, define);
        return `import { ${others.map(({ imported, local }) => `${imported} as ${local}`).join(', ')} } from '${specifier}';${blank(statement)}`;
      }
      return rewrite(statement, taken, () =>
        later
          ? atFirstCall(named.take(taken, target, define), target)
          : declared(named.take(taken, target, define), moduleCode(target)),
      );
    })
    .replace(REEXPORT, (statement, clause, specifier) => {
      const target = targetOf(name, specifier);
      if (target === undefined || here(target)) return statement;
      const taken = clause === '*' ? exportsOf(target).map((each) => ({ imported: each, local: each })) : valuesOf(clause);
      return rewrite(statement, taken, () =>
        taken.map(({ imported, local }) => `export const ${local} = ${moduleCode(target)}.${imported};`).join(' '),
      );
    })
    .replace(DYNAMIC_IMPORT, (_, specifier) => `Promise.resolve().then(() => ${moduleCode(targetOf(name, specifier))})`)
    .replace(IMPORT_OF_USER, '$host.import(');
  const left = /^(?:import|export)\b(?! type\b).*\bfrom '(?:node:|\.).*$/m.exec(text)?.[0];
  if (left !== undefined && !here(targetOf(name, /'(.*)'/.exec(left)[1])))
    throw new Error(`src/${name}.ts: cannot bundle '${left}'`);
  return compile(name, text, define);
}

function isLater(name) {
  return LATER.rest.includes(name) || LATER.core.includes(name);
}

function moduleCode(target) {
  return `$host.module('${target}')`;
}

/** Nothing, in as many lines. */
function blank(statement) {
  return statement.replace(/[^\n]/g, '');
}

/** `node:module` is not part of node's start, but the class that it exports is. */
function builtinCode(specifier, taken) {
  const isCommon =
    specifier === 'node:module' && taken.every(({ imported }) => imported === 'createRequire' || imported === 'isBuiltin');
  return isCommon ? '$host.Module' : `process.getBuiltinModule('${specifier}')`;
}

/** Modules of Node that take milliseconds to load and whose functions few programs call are loaded at the first call. */
function builtin(taken, specifier) {
  const from = builtinCode(specifier, taken);
  const module = process.getBuiltinModule(specifier);
  const isFunction = ({ imported }) => /^[a-z]/.test(imported) && typeof module[imported] === 'function';
  return LATER_BUILTINS.includes(specifier) && taken.every(isFunction)
    ? loadedAtFirstCall(taken, from, `later_${specifier.replace(/\W/g, '_')}`)
    : declared(taken, from);
}

function declared(taken, from) {
  const whole = taken.find(({ imported }) => imported === '*' || imported === 'default');
  if (whole !== undefined) return `const ${whole.local} = ${from};`;
  return `const { ${taken.map(({ imported, local }) => (imported === local ? local : `${imported}: ${local}`)).join(', ')} } = ${from};`;
}

function atFirstCall(taken, target) {
  const functions = exportsOf(target, /^export (?:async )?function\*? (\w+)/gm);
  const other = taken.find(({ imported }) => !functions.includes(imported));
  if (other !== undefined)
    throw new Error(
      `'${other.imported}' of src/${target}.ts is no function, but scripts/bundle.js shall initialise that module LATER`,
    );
  return loadedAtFirstCall(taken, moduleCode(target), `later_${target.replace(/\W/g, '_')}`);
}

function loadedAtFirstCall(functions, from, load) {
  return [
    ...functions.map(({ local }) => `let ${local} = (...args) => { ${load}(); return ${local}(...args); };`),
    `function ${load}() { ({ ${functions.map(({ imported, local }) => `${imported}: ${local}`).join(', ')} } = ${from}); }`,
  ].join(' ');
}

function exportsOf(name, pattern = /^export (?:(?:async )?function\*?|(?:abstract )?class|const|let) (\w+)/gm) {
  return [...sources.get(name).matchAll(pattern)].map(([, exported]) => exported);
}

/** The modules that these load, directly and indirectly, as far as `follow` says so. */
async function closure(names, follow) {
  const found = new Set(names);
  for (const name of found) {
    for (const { target, isDynamic } of await importsOf(name)) if (follow(target, isDynamic)) found.add(target);
  }
  return found;
}

/** The modules of `modules` that `others` import, or that they import dynamically themselves, and those that initialise later; and `more`. */
async function takenFrom(modules, others, more) {
  const own = (await Promise.all([...modules].map(importsOf))).flat().filter(({ isDynamic }) => isDynamic);
  const imported = [...(await Promise.all(others.map(importsOf))).flat(), ...own].map(({ target }) => target);
  return new Set([...imported, ...LATER.core, ...LATER.rest, ...more].filter((name) => modules.has(name)));
}

async function importsOf(name) {
  const text = await source(name);
  const statements = [...text.matchAll(IMPORT), ...text.matchAll(REEXPORT)].filter(
    ([, clause]) => clause === '*' || valuesOf(clause).length > 0,
  );
  const found = [
    ...statements.map(([, , specifier]) => ({ target: targetOf(name, specifier), isDynamic: false })),
    ...[...text.matchAll(DYNAMIC_IMPORT)].map(([, specifier]) => ({ target: targetOf(name, specifier), isDynamic: true })),
  ];
  return found.filter(({ target }) => target !== undefined);
}

async function source(name) {
  if (!sources.has(name)) sources.set(name, await readFile(`src/${name}.ts`, 'utf8'));
  return sources.get(name);
}
