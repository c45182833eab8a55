/**
 * Puts a stripped copy of the addon where the published package carries it: prebuilds/<platform>-<arch>-<libc>/multiproc.node.
 *
 * Runs in `npm run prebuilt`, before a release, on each platform that gets one. (It is not called `prebuild`: npm would run
 * that before every `build`.)
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildNative, builtBinary, platformName } from './build-native.js';

buildNative();
const folder = fileURLToPath(new URL(`../prebuilds/${platformName()}/`, import.meta.url));
mkdirSync(folder, { recursive: true });
const binary = `${folder}multiproc.node`;
execFileSync('strip', ['--strip-unneeded', '-o', binary, builtBinary()], { stdio: ['ignore', 'inherit', 'inherit'] });
console.log(`${binary.slice(fileURLToPath(new URL('..', import.meta.url)).length)}: ${statSync(binary).size} bytes`);
