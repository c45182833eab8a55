import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { Value } from '#src/index.js';
import { eachKind, startChild } from '../support/kinds.js';
import { Lines, soon } from './process-support.js';

const lines = (stream: Readable | null) => new Lines(stream as Readable);

eachKind('stdio "pipe" gives stdout and stderr to the parent, whole, also what is read after the end', async (kind, t) => {
  const write = () => {
    console.log('out');
    console.error('err');
    process.stdout.write('last');
  };
  const child = await startChild(kind, t, write, [], { stdio: 'pipe' });
  await soon(child.join(), 'join');
  assert.equal(await lines(child.stdout).all(), 'out\nlast');
  assert.equal(await lines(child.stderr).all(), 'err\n');
});

eachKind(
  'stdio "pipe" holds a child that writes until the parent reads, and loses nothing when the target settles  [fault 45]',
  async (kind, t) => {
    const flood = (fails: boolean) => {
      for (let i = 0; i < 64; i++) process.stdout.write(`${String(i).padEnd(64 * 1024 - 1, '.')}\n`);
      if (fails) throw new Error('failed');
    };
    for (const fails of [false, true]) {
      const child = await startChild(kind, t, flood, [fails], { stdio: 'pipe' });
      await assert.rejects(child.join(500), { name: 'TimeoutError' });
      const out = lines(child.stdout);
      assert.equal((await soon(child.exception(), 'exception')) === null, !fails);
      const text = await out.all();
      assert.equal(text.length, 64 * 64 * 1024);
      assert.match(text, /\n63\.*\n$/);
    }
  },
);

eachKind('stdio "pipe": who waits for its stream to drain writes as fast as the parent reads  [fault 45]', async (kind, t) => {
  const TOTAL = 200;
  const written = new Value('i', 0);
  const child = await startChild(
    kind,
    t,
    async (total: number) => {
      for (let i = 0; i < total; i++) {
        const goesOn = process.stdout.write('.'.repeat(65_535) + '\n');
        written.add(1);
        if (!goesOn) await new Promise((resolve) => process.stdout.once('drain', resolve));
      }
    },
    [TOTAL],
    { stdio: 'pipe' },
  );
  await assert.rejects(child.join(500), { name: 'TimeoutError' });
  assert.ok(written.value < TOTAL / 2, `${written.value} of ${TOTAL} written although nobody reads`);
  const text = await lines(child.stdout).all();
  assert.equal(text.length, TOTAL * 65_536);
  await soon(child.join(), 'join');
});

eachKind('stdio "pipe": a child whose output nobody wants goes on', async (kind, t) => {
  const write = async () => {
    for (let i = 0; i < 100; i++) process.stdout.write('.'.repeat(10_000));
    return 'done';
  };
  const child = await startChild(kind, t, write, [], { stdio: 'pipe' });
  child.stdout?.resume();
  child.stderr?.resume();
  assert.equal(await soon(child.result(), 'result'), 'done');
});
