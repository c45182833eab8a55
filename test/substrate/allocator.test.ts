import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { Process, type ResourceExhaustedError } from 'multiproc';
import { arena } from '#src/substrate/arena.js';
import type { Piece } from '#src/substrate/allocator.js';
import { self } from '#src/substrate/self.js';
import { allocate } from '../fixtures/substrate/members.js';
import { begin } from '../fixtures/substrate/starting.js';
import { always } from '../support/properties.js';

test('allocate() gives zeroed pieces that never overlap, whatever is freed in between', () => {
  const { allocator } = self();
  always(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 300_000 }), fc.boolean(), fc.nat(100)), { maxLength: 60 }),
      (steps) => {
        const live: Piece[] = [];
        for (const [bytes, free, pick] of steps) {
          if (free && live.length > 0) {
            const [piece] = live.splice(pick % live.length, 1);
            allocator.free(piece as Piece);
            continue;
          }
          const piece = allocator.allocate(bytes);
          assert.equal(piece.offset % 64, 0);
          for (const other of live)
            assert.ok(piece.offset + piece.bytes <= other.offset || other.offset + other.bytes <= piece.offset);
          const view = new Uint8Array(arena().buffer(piece.offset, piece.bytes));
          assert.ok(view.every((byte) => byte === 0));
          view.fill(0xab);
          live.push(piece);
        }
        for (const piece of live) allocator.free(piece);
      },
    ),
    60,
  );
});

test('allocate() takes pieces larger than an extent and gives their memory back', () => {
  const { allocator } = self();
  const before = sharedKilobytes();
  const piece = allocator.allocate(150 * 2 ** 20);
  assert.ok(sharedKilobytes() - before > 140 * 1024);
  allocator.free(piece);
  assert.ok(sharedKilobytes() - before < 10 * 1024);
});

test('allocate() rejects sizes that are none', () => {
  for (const bytes of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => self().allocator.allocate(bytes), RangeError);
});

test('a full arena is ResourceExhaustedError ENOSPC, never SIGBUS  [fault 36]', () => {
  const script = `
    const { self } = await import('#src/substrate/self.js');
    let count = 0;
    try { for (;;) { self().allocator.allocate(200000); count++; } } catch (error) { console.log(count > 5, error.name, error.code); }
    const small = []; try { for (;;) small.push(self().allocator.allocate(64)); } catch (error) { console.log(small.length > 100, error.name, error.code); }`;
  const { stdout, status, stderr } = runScript(script, { MULTIPROC_ARENA_BYTES: String(2 ** 23) });
  assert.equal(status, 0, stderr);
  assert.equal(stdout, 'true ResourceExhaustedError ENOSPC\ntrue ResourceExhaustedError ENOSPC\n');
});

for (const code of ['ENOSPC', 'ENOMEM']) {
  test(`memory that the kernel refuses is ResourceExhaustedError ${code}  [fault 40]`, () => {
    const script = `
      const { self } = await import('#src/substrate/self.js');
      self().allocator.allocate(64);
      try { self().allocator.allocate(100000); } catch (error) { console.log(error.name, error.code, error.syscall); }
      console.log(self().allocator.allocate(100000).bytes);`;
    const { stdout, status, stderr } = runScript(script, { MULTIPROC_FAULT: `arena.reserve:errno=${code}@4` });
    assert.equal(status, 0, stderr);
    assert.equal(stdout, `ResourceExhaustedError ${code} fallocate\n100000\n`);
  });
}

test('more than the machine has is refused before the kernel kills somebody  [fault 40]', () => {
  assert.throws(
    () => self().allocator.allocate(40 * 2 ** 30),
    (error) =>
      error instanceof Error && error.name === 'ResourceExhaustedError' && (error as ResourceExhaustedError).code === 'ENOMEM',
  );
});

test('the memory cannot be cut off under anybody: shrinking and growing are sealed  [fault 37]', () => {
  const { fd, size } = arena();
  const python = spawnSync(
    'python3',
    [
      '-c',
      `import os\nfor n in (0, ${size * 2}):\n  try: os.ftruncate(3, n); print('done')\n  except OSError as e: print(e.errno)`,
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit', fd],
    },
  );
  if (python.error !== undefined) return; // no python3: nothing else here can call ftruncate on the descriptor
  assert.equal(python.stdout.toString(), '1\n1\n');
});

test('a process killed while it allocates or frees leaves the arena usable, and its memory comes back', async () => {
  for (const [point, bytes] of [
    ['arena.beforeCommit', 100_000],
    ['arena.beforeFree', 100_000],
    ['arena.beforeCommit', 200],
  ] as const) {
    const child = await begin(allocate, [bytes], `${point}:kill@7`);
    assert.match(String(await child.exception()), /SIGKILL/);
    const pieces = Array.from({ length: 20 }, () => self().allocator.allocate(bytes));
    for (const piece of pieces) assert.ok(new Uint8Array(arena().buffer(piece.offset, piece.bytes)).every((byte) => byte === 0));
    for (const piece of pieces) self().allocator.free(piece);
  }
});

test('a hundred processes that take memory and end do not use the arena up', async () => {
  const { allocator } = self();
  const before = sharedKilobytes();
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const child = new Process({ target: takeMemory, args: [3 * 2 ** 20] });
        await child.start();
        await child.join();
      }),
    );
  }
  allocator.free(allocator.allocate(64));
  // Each left 3 MiB that nobody used any more: all of it would be 300 MiB.
  assert.ok(sharedKilobytes() - before < 150 * 1024, `${sharedKilobytes() - before} KiB`);
});

test('what ended processes left in use does not make the arena look full', async () => {
  const { allocator } = self();
  const most = 2 ** arena().extentShift - 2 ** 18;
  const taken: Piece[] = [];
  for (const [wanted, count] of [
    [most, 4],
    [4096, 500],
  ] as const) {
    for (let i = 0; i < 3; i++) {
      const child = new Process({ target: leaveMemory, args: [most] });
      await child.start();
      taken.push(await child.result());
    }
    for (let i = 0; i < count; i++) taken.push(allocator.allocate(wanted));
  }
  for (const piece of taken) allocator.free(piece);
});

/** Of all its extent, so that whoever takes that over finds no room in it. */
function leaveMemory(bytes: number): Piece {
  const { allocator } = self();
  const piece = allocator.allocate(bytes);
  for (let i = 0; i < 8; i++) allocator.allocate(2 ** 16 - 4096); // pages that are left
  return piece;
}

function takeMemory(bytes: number): void {
  self().allocator.allocate(bytes, { private: true });
}

/** Pages of the arena that exist. */
function sharedKilobytes(): number {
  const memfd = readFileSync('/proc/self/smaps', 'utf8').split('\n');
  const at = memfd.findIndex((line) => line.includes('/memfd:multiproc'));
  const blocks = Number(execFileSync('stat', ['-L', '-c', '%b', `/proc/${process.pid}/fd/${arena().fd}`]).toString());
  assert.ok(at >= 0);
  return blocks / 2;
}

function runScript(script: string, env: Record<string, string>): { stdout: string; stderr: string; status: number | null } {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  return { stdout, stderr, status };
}
