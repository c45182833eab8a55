/**
 * Gives out the library's modules, by name, one instance of each per thread.
 *
 * Runs in every process, as `dist/bundle/core.cjs`: children start in it, the package's ES modules take from it.
 * Two files hold the library: `core-modules.cjs` is what a child needs before user code, `rest-modules.cjs` all else, read at its first use.
 * Beside them may lie what V8 made of them (scripts/code-cache.js), for this version of Node: it spares a starting child
 * the compiling. Without it, or if V8 refuses it, they are compiled as usual.
 */
'use strict';
const { closeSync, openSync, readSync, realpathSync } = require('node:fs');
const { Script } = require('node:vm');

/** More bytes than any of the files has: a file that is read in one go is read fastest, and what is not written to takes no memory. */
const ROOM = 4 * 2 ** 20;
const BEGIN = '(function (exports, $host, require) {';
/** The file of `rest`, open. */
let restFile;
const scripts = { core: undefined, rest: undefined };
const made = new Map();
/** Workers have a cache of their own: other functions of `core` run in them. */
let program = '';
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
  const room = Buffer.allocUnsafeSlow(ROOM);
  const text = (name === 'rest' && readRest(room)) || read(`${__dirname}/${name}-modules.cjs`, room).latin1Slice();
  const filename = `${host.url.slice(0, host.url.lastIndexOf('/'))}/${name}-modules.cjs`;
  const script = new Script(text, { filename, cachedData: cached(name, room) });
  scripts[name] = script;
  const modules = {};
  script.runInThisContext()(modules, host, require);
  return modules;
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
  // To report an error even when no file can be opened any more, or that of another build lies there.
  restFile = openSync(`${__dirname}/rest-modules.cjs`);
  if (name === 'workers/worker-main') program = '-worker';
  exports.module(name)[run]();
};

/** V8 takes what was compiled with the flags it has itself: those of a fork server are its own. */
function cacheFile(name) {
  const flags = process.execArgv.includes('--single-threaded') ? '-forks' : '';
  return `${__dirname}/${name}-BUILD.${process.version}-${process.arch}${flags}${name === 'core' ? program : ''}.cache`;
}

function cached(name, room) {
  try {
    return read(cacheFile(name), room);
  } catch {
    return undefined;
  }
}

/** The text of `rest` in the file that is open for it; code of the user's may have closed it, and opened another of that number. */
function readRest(room) {
  const file = restFile;
  restFile = undefined;
  if (file === undefined) return undefined;
  try {
    if (readSync(file, room, 0, BEGIN.length, 0) < BEGIN.length || room.latin1Slice(0, BEGIN.length) !== BEGIN) return undefined;
    const text = readOpen(file, room).latin1Slice();
    closeSync(file);
    return text;
  } catch {
    return undefined;
  }
}

/** The bytes of a file, until the next one is read. ASCII: as latin1 they are a text in no time. */
function read(path, room) {
  const file = openSync(path);
  try {
    return readOpen(file, room);
  } finally {
    closeSync(file);
  }
}

function readOpen(file, room) {
  const length = readSync(file, room, 0, ROOM, 0);
  if (length === ROOM) throw new Error(`Cannot read ${file}: it has more than ${ROOM} bytes`);
  return room.subarray(0, length);
}
