/**
 * Whether this machine, this node and this process can have a server that truly forks; and its flags.
 *
 * Runs in parents.
 */
import { childNodeOptions, execArgvForChild } from '../../wire/loader-flags.js';

/** Why there can be no server that forks, or undefined. */
export function refusalHere(): string | undefined {
  judged ??= { refusal: judge() };
  return judged.refusal;
}

/** It stays as it is for the life of a process. */
let judged: { readonly refusal: string | undefined } | undefined;

function judge(): string | undefined {
  const major = Number(process.versions.node.split('.')[0]);
  if (process.platform !== 'linux' || process.arch !== 'x64') return `it was never tried on ${process.platform} ${process.arch}`;
  if (isMusl()) return 'it was never tried with musl';
  if (major > NEWEST_NODE) return `it was never tried with Node ${major}`;
  if (process.env['NODE_V8_COVERAGE'] !== undefined) return 'coverage would be lost: NODE_V8_COVERAGE is set';
  if (process.permission !== undefined) return 'the permission model is on';
  const flag = [...execArgvForChild(), ...(childNodeOptions()?.split(' ') ?? [])].find((each) => UNSUITABLE.test(each));
  return flag === undefined ? undefined : `${flag} does not go with it`;
}

/** What a forking server has beside the flags of every child: see native/fork-server.h. All is compiled before the fork, nothing in each child. */
export function flagsOfForking(): string[] {
  const flags = [...execArgvForChild(), '--single-threaded', '--v8-pool-size=1', '--no-lazy'];
  if (process.allowedNodeEnvironmentFlags.has('--disable-sigusr1')) flags.push('--disable-sigusr1');
  if (process.versions.node.startsWith('20.')) flags.push('--no-wasm-async-compilation');
  return flags;
}

/** Changes of variables that node, the loader or the library look at only at the start of a process. */
export function differsAtStart(changes: Readonly<Record<string, string | null>>): boolean {
  return Object.keys(changes).some((name) => AT_START.test(name));
}

function isMusl(): boolean {
  const { glibcVersionRuntime } = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header;
  return glibcVersionRuntime === undefined;
}

const NEWEST_NODE = 26;
const AT_START = /^(?:NODE_|LD_|MALLOC_|GLIBC_|OPENSSL_|SSL_|MULTIPROC_)/;
/**
 * Loader hooks of `--loader` run in a thread, which no fork has: an import would wait for it for ever. What `--import` starts is seen
 * in the server.
 */
const UNSUITABLE = /^--(?:experimental-permission|permission|frozen-intrinsics|jitless|loader|experimental-loader)\b/;
