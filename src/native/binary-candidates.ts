/**
 * Where the addon's binary may be: prebuilt, or built from source.
 *
 * Runs in every process, when the addon is first needed.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileBeside, fileOfPackage, filePath } from './own-files.js';

/** Where the binary is looked for, best first. */
export function binaryCandidates(): string[] {
  const libc = process.platform === 'linux' && isMusl() ? 'musl' : 'glibc';
  const paths =
    process.env['MULTIPROC_FAULT'] === undefined
      ? [`prebuilds/${process.platform}-${process.arch}-${libc}/multiproc.node`, 'build/Release/multiproc.node']
      : ['build/Release/multiproc_faults.node'];
  const beside = (path: string) => `../../${path}`;
  const isOurPackage = fileBeside(import.meta.url, ...[...paths, 'scripts/build-native.js'].map(beside)) !== undefined;
  return paths.map(isOurPackage ? (path) => join(dirname(filePath(import.meta.url)), beside(path)) : fileOfPackage);
}

function isMusl(): boolean {
  return (
    existsSync(`/lib/ld-musl-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}.so.1`) && !existsSync('/lib64/ld-linux-x86-64.so.2')
  );
}
