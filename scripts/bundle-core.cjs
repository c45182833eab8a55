/**
 * Gives out the library's modules, by name, one instance of each per thread.
 *
 * Runs in every process, as `dist/bundle/core.cjs`: children start in it, the package's ES modules take from it.
 * Two files hold the library: `core-modules.cjs` is what a child needs before user code, `rest-modules.cjs` all else, read at its first use.
 * Beside them may lie what V8 made of them (scripts/code-cache.js), for this version of Node: it spares a starting child
 * the compiling. Without it, or if V8 refuses it, they are compiled as usual.
 */
'use strict';
const { closeSync, fstatSync, openSync, readSync, realpathSync } = require('node:fs');
const { Script } = require('node:vm');

/** That of `rest`, open. */
let restFile;
const scripts = { core: undefined, rest: undefined };
const made = new Map();
let core;
let rest;

/** The exports of a module of src/, such as `errors`. */
exports.module = (name) => {
  let found = made.get(name);
  if (found === undefined) {
    core ??= load('core');
    const make = core[name] ?? (rest ??= load('rest'))[name];
    made.set(name, (found = make()));
  }
  return found;
};

/** What V8 has compiled so far of `core` or `rest`, and the file to keep it in. */
exports.codeCache = (name) => ({ file: cacheFile(name), code: scripts[name].createCachedData() });

function load(name) {
  const script = new Script(textOf(name), {
    filename: `${host.url.slice(0, host.url.lastIndexOf('/'))}/${name}-modules.cjs`,
    cachedData: cached(name),
  });
  scripts[name] = script;
  const modules = {};
  script.runInThisContext()(modules, host, require);
  return modules;
}

function textOf(name) {
  // ASCII: as latin1 a text is made in no time
  return (restFile === undefined || name !== 'rest' ? readFile(pathOf(name)) : readRest()).latin1Slice();
}

function pathOf(name) {
  return `${__dirname}/${name}-modules.cjs`;
}

/** What a script cannot do by itself. */
const host = {
  module: exports.module,
  // within jest, `module` is an object of jest's own
  Module: module.constructor.createRequire === undefined ? process.getBuiltinModule('node:module') : module.constructor,
  url: /^[\w/.-]+$/.test(__filename) ? `file://${__filename}` : require('node:url').pathToFileURL(__filename).href,
  import: (specifier) => import(specifier),
  resolve: (specifier) => require('./resolve.js').resolve(specifier),
};

exports.host = host;

/** Lives the life of a child. Whoever asks for `core.cjs` later gets this very program. */
exports.live = (name, run) => {
  host.Module._cache[`${realpathSync.native(__dirname)}/core.cjs`] = module;
  restFile = openRest();
  exports.module(name)[run]();
};

/** V8 takes what was compiled with the flags it has itself: those of a fork server are its own. */
function cacheFile(name) {
  const flags = process.execArgv.includes('--single-threaded') ? '-forks' : '';
  return `${__dirname}/${name}-BUILD.${process.version}-${process.arch}${flags}.cache`;
}

function cached(name) {
  try {
    return readFile(cacheFile(name));
  } catch {
    return undefined;
  }
}

/** Opens `rest` and remembers which it is: to report an error even when no file can be opened any more, or another lies there. */
function openRest() {
  const file = openSync(pathOf('rest'));
  return { file, stat: fstatSync(file) };
}

/** Code of the user's may have closed the file, and opened another. */
function readRest() {
  const { file, stat } = restFile;
  restFile = undefined;
  let now;
  try {
    now = fstatSync(file);
  } catch {}
  return now?.ino === stat.ino && now.dev === stat.dev ? readOpen(file) : readFile(pathOf('rest'));
}

/** The bytes of a file. */
function readFile(path) {
  return readOpen(openSync(path));
}

function readOpen(file) {
  try {
    const bytes = Buffer.allocUnsafeSlow(fstatSync(file).size);
    if (readSync(file, bytes, 0, bytes.length, 0) !== bytes.length) throw new Error(`Cannot read the whole of file ${file}`);
    return bytes;
  } finally {
    closeSync(file);
  }
}
