/**
 * The package's install script: builds the addon where no ready binary fits, and keeps the library's code as V8 compiles it.
 *
 * Runs in `npm install` of those who depend on multiproc. Never fails the installation: without the addon the
 * types and pure helpers still import, and the first use says what is missing. Does nothing in a checkout,
 * where `npm test` and `npm run demo` build.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BuildError, buildNative, builtBinary, isCheckout, platformName } from './build-native.js';
import { writeCodeCache } from './code-cache.js';

const prebuilt = fileURLToPath(new URL(`../prebuilds/${platformName()}/multiproc.node`, import.meta.url));

if (process.platform === 'linux' && !isCheckout() && !existsSync(prebuilt) && !existsSync(builtBinary())) {
  try {
    buildNative();
  } catch (error) {
    const reason = error instanceof BuildError ? error.message : String(error);
    console.error(`\n${reason}\n\nmultiproc is installed, but cannot start processes until then: npm rebuild multiproc\n`);
  }
}

if (!isCheckout()) {
  try {
    await writeCodeCache();
  } catch {
    // No binary, or a folder that is read-only: children start some milliseconds later.
  }
}
