/**
 * The test of a fork server's first child: everything in node that a fork may break is used once.
 *
 * Runs in that child only, which says what failed and ends. What hangs has failed; what the machine forbids has not.
 */
import { execFile } from 'node:child_process';
import { pbkdf2 } from 'node:crypto';
import { writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { SelfTestReport } from './fork-server.js';

const HANGS_MS = 10_000;

/** Runs all tests at once; this process ends then, with 0 if it came so far. @param random What `Math.random()` gave first. */
export function runSelfTest(random: number): void {
  const failed: Record<string, string> = {};
  const tests = Object.entries(TESTS).map(async ([name, run]) => {
    try {
      await Promise.race([run(), hangs()]);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined || !FORBIDDEN.has(code)) failed[name] = error instanceof Error ? error.message : String(error);
    }
  });
  void Promise.all(tests).then(() => {
    const report: SelfTestReport = { failed, random };
    writeSync(1, JSON.stringify(report));
    process.exit(0);
  });
}

/** Not among the types of node. */
const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: { instantiate(bytes: Uint8Array): Promise<unknown> } };

/** Reasons that are the machine's, not the fork's. */
const FORBIDDEN: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'ENOENT', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'ENETUNREACH']);

const TESTS: Readonly<Record<string, () => unknown>> = {
  timer: () => sleep(1),
  fs: () => readFile('/proc/self/stat'),
  net: talkToItself,
  wasm: () => wasm.instantiate(SMALLEST_MODULE),
  gc: makeGarbage,
  crypto: () => promisify(pbkdf2)('secret', 'salt', 1, 16, 'sha256'),
  child_process: () => promisify(execFile)('/bin/sh', ['-c', 'exit 0']),
};

async function hangs(): Promise<never> {
  await sleep(HANGS_MS, undefined, { ref: false });
  throw new Error(`nothing happened for ${HANGS_MS / 1000} s`);
}

function talkToItself(): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.end('x')).on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      const socket = connect(port, '127.0.0.1').on('error', reject);
      socket.on('data', () => {}).on('close', () => server.close(() => resolve()));
    });
  });
}

/** Enough for some collections of young objects, and arrays large enough for old ones; fresh memory is what takes the time. */
function makeGarbage(): void {
  let kept: unknown[] = [];
  for (let i = 0; i < ROUNDS; i++) kept = [kept.length, new Array(OBJECTS).fill(0).map((_, index) => ({ index }))];
}

const ROUNDS = 24;
const OBJECTS = 10_000;
/** Magic number and version. */
const SMALLEST_MODULE = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
