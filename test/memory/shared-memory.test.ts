/**
 * Named shared memory and lists in it: names, errors, other programs (Python), and what is left of killed families.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ClosedError, Process, ResourceExhaustedError, SystemError } from 'multiproc';
import { ShareableList, SharedMemory } from 'multiproc/shared-memory';
import { leavesNothing } from '../support/census.js';
import { listOf } from '../support/family.js';

const PROGRAM = fileURLToPath(new URL('../../test/fixtures/memory/leaves-memory.mjs', import.meta.url));
const hasPython = spawnSync('python3', ['-c', 'import multiprocessing.shared_memory']).status === 0;
const isThere = (name: string) => existsSync(`/dev/shm/${name}`);

/** The family, and the inspector that reads closures, live as long as this process. */
const warmUp = async () => {
  const memory = new SharedMemory({ create: true, size: 8 });
  await inChild(() => memory.name);
  memory.unlink();
  memory.close();
};
const clean = (body: () => Promise<void> | void) => leavesNothing(body, { warmUp });

async function inChild<T>(target: () => T): Promise<Awaited<T>> {
  const process = new Process({ target });
  await process.start();
  return process.result() as Promise<Awaited<T>>;
}

/** Memory that is gone at the end of the test body. */
async function having(memory: SharedMemory, body: (memory: SharedMemory) => unknown): Promise<void> {
  try {
    await body(memory);
  } finally {
    memory.unlink();
    memory.close();
  }
}

function python(code: string, ...args: string[]): string {
  return execFileSync('python3', ['-c', code, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

test(
  '_TestSharedMemory.test_shared_memory_basics: create, open, write, close, unlink [H-01 … H-06]',
  clean(() =>
    having(new SharedMemory({ name: 'mp-test-basics', create: true, size: 512 }), (memory) => {
      assert.equal(memory.name, 'mp-test-basics');
      assert.equal(memory.size, 512);
      const bytes = new Uint8Array(memory.buffer);
      assert.ok(bytes.every((byte) => byte === 0));
      bytes[0] = 42;
      const other = new SharedMemory({ name: '/mp-test-basics', size: 1 });
      assert.deepEqual([other.name, other.size, new Uint8Array(other.buffer)[0]], ['mp-test-basics', 512, 42]);
      new Uint8Array(other.buffer)[0] = 43;
      assert.equal(bytes[0], 43);
      other.close();
      other.close();
      assert.throws(() => other.buffer, { name: 'ClosedError', message: /'mp-test-basics': it was closed here/ });
      assert.deepEqual([other.name, other.size], ['mp-test-basics', 0]);
      assert.equal(bytes[0], 43);
      assert.throws(
        () => new SharedMemory({ name: 'mp-test-basics', create: true, size: 8 }),
        (error) => error instanceof SystemError && error.code === 'EEXIST' && /'mp-test-basics'/.test(error.message),
      );
      memory.unlink();
      memory.unlink();
      assert.equal(isThere('mp-test-basics'), false);
      assert.equal(bytes[0], 43);
      assert.throws(
        () => new SharedMemory({ name: 'mp-test-basics' }),
        (error) => error instanceof SystemError && error.code === 'ENOENT',
      );
    }),
  ),
);

test(
  '_TestSharedMemory.test_shared_memory_recreate: names of its own are new ones; a second unlink leaves a later namesake alone [H-06]',
  clean(async () => {
    const names = new Set<string>();
    for (let turn = 0; turn < 20; turn++) {
      using memory = new SharedMemory({ create: true, size: 1 });
      assert.match(memory.name, /^mpn_[0-9a-f]{12}$/);
      names.add(memory.name);
      memory.unlink();
    }
    assert.equal(names.size, 20);
    const first = new SharedMemory({ name: 'mp-test-again', create: true, size: 8 });
    const observer = new SharedMemory({ name: 'mp-test-again' });
    first.unlink();
    await having(new SharedMemory({ name: 'mp-test-again', create: true, size: 16 }), () => {
      first.unlink();
      observer.unlink();
      assert.ok(isThere('mp-test-again'));
    });
    first.close();
    observer.close();
  }),
);

test(
  '_TestSharedMemory.test_invalid_shared_memory_creation, test_shared_memory_name_with_embedded_null, TestResourceTracker.test_too_long_name_resource: what is wrong is refused [H-01]',
  clean(() => {
    for (const size of [undefined, 0, -1, 1.5, '8']) {
      assert.throws(() => new SharedMemory({ create: true, size: size as number }), {
        name: 'RangeError',
        message: /positive integer, received/,
      });
    }
    assert.throws(() => new SharedMemory(), { name: 'TypeError', message: /needs a name/ });
    for (const name of ['', '/', 'a/b', '../x', 'a\0b', '.', '..', 'x'.repeat(256), 'ü'.repeat(128)]) {
      assert.throws(() => new SharedMemory({ name, create: true, size: 8 }), { name: 'RangeError', message: /1 to 255 bytes/ });
      assert.throws(() => new SharedMemory({ name }), RangeError);
    }
    assert.throws(() => new SharedMemory({ name: 5 as never }), TypeError);
    assert.throws(() => new ShareableList([Symbol('s') as never]), TypeError);
  }),
);

test(
  'memory that is not there is refused when it is created, and leaves no name [fault 36]',
  clean(() => {
    assert.throws(
      () => new SharedMemory({ name: 'mp-test-large', create: true, size: 2 ** 46 }),
      (error) => error instanceof ResourceExhaustedError || (error instanceof SystemError && error.code === 'EFBIG'),
    );
    assert.equal(isThere('mp-test-large'), false);
    assert.throws(() => new SharedMemory({ create: true, size: 2 ** 46, track: false }), SystemError);
  }),
);

test(
  'a full /dev/shm is an error at creation, with or without a record [fault 36]',
  clean(() => {
    const program = fileURLToPath(new URL('../../test/fixtures/memory/no-room.mjs', import.meta.url));
    const env = { ...process.env, MULTIPROC_FAULT: 'shared_memory.reserve:errno=ENOSPC@0' };
    assert.deepEqual(JSON.parse(execFileSync(process.execPath, [program], { encoding: 'utf8', env })), {
      failures: Array.from({ length: 2 }, () => ['ResourceExhaustedError', 'ENOSPC', true]),
      left: [],
    });
  }),
);

test(
  '_TestSharedMemory.test_shared_memory_across_processes, test_shared_memory_pickle_unpickle: captured, sent and sent back [H-08]',
  clean(() =>
    having(new SharedMemory({ create: true, size: 16 }), async (memory) => {
      const back = await inChild(() => {
        new Uint8Array(memory.buffer).set([1, 2, 3]);
        return { memory };
      });
      assert.deepEqual([...new Uint8Array(memory.buffer, 0, 4)], [1, 2, 3, 0]);
      assert.deepEqual([...new Uint8Array(back.memory.buffer, 0, 4)], [1, 2, 3, 0]);
      back.memory.close();
      // What a child made stays after its end.
      const name = await inChild(() => new SharedMemory({ create: true, size: 8 }).name);
      await having(new SharedMemory({ name }), () => undefined);
    }),
  ),
);

test(
  '_TestSharedMemory.test_shared_memory_pickle_unpickle_dead_object: after unlink, who gets the name fails [H-08]',
  clean(async () => {
    const memory = new SharedMemory({ create: true, size: 16 });
    memory.unlink();
    const process = new Process({ target: (sent: SharedMemory) => sent.size, args: [memory] });
    await process.start();
    await assert.rejects(process.result(), /ENOENT|no such file/i);
    memory.close();
  }),
);

test(
  'TestSharedMemoryNames.test_that_shared_memory_name_with_colons_has_no_resource_tracker_errors: odd names [H-03]',
  clean(async () => {
    for (const name of ['mp-a:b:c', 'mp- ü\n', 'mp-' + 'x'.repeat(252)]) {
      await having(new SharedMemory({ name, create: true, size: 8 }), () => assert.ok(isThere(name)));
      assert.equal(isThere(name), false);
    }
  }),
);

/** Runs the program that leaves memory; `names` is what it printed. */
async function started(
  how: string,
): Promise<{ program: ChildProcess; names: { own: string; childs: string; untracked: string } }> {
  const program = spawn(process.execPath, [PROGRAM, how], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: program.stdout }), 'line')) as [string];
  return { program, names: JSON.parse(line) as { own: string; childs: string; untracked: string } };
}

/** Records of a family; its folder may come and go with those of other tests. */
function recordsOf(pid: number): string[] {
  const folders = readdirSync('/dev/shm').filter((each) => each.startsWith('multiproc-'));
  return folders.flatMap((folder) => listOf(`/dev/shm/${folder}`)).filter((each) => each.startsWith(`${pid}-`));
}

for (const [signal, title] of [
  [
    'SIGKILL',
    '_TestSharedMemory.test_shared_memory_cleaned_after_process_termination, TestResourceTracker.test_resource_tracker_sigkill',
  ],
  ['SIGTERM', 'TestResourceTracker.test_resource_tracker_sigterm'],
  ['SIGINT', 'TestResourceTracker.test_resource_tracker_sigint'],
] as const) {
  test(
    `${title}: the next start removes what a family ended by ${signal} left [fault 33] [R-03]`,
    clean(async () => {
      const { program, names } = await started('wait');
      const exited = once(program, 'exit');
      assert.ok(isThere(names.own) && isThere(names.childs), 'what a child made stays while its family lives');
      assert.ok(recordsOf(program.pid as number).length >= 4);
      program.kill(signal);
      await exited;
      assert.ok(isThere(names.untracked));
      // A namesake of somebody else is not touched.
      // Families of other tests may have started since.
      rmSync(`/dev/shm/${names.childs}`, { force: true });
      await having(new SharedMemory({ name: names.childs, create: true, size: 8 }), async () => {
        const next = await started('end');
        if (next.program.exitCode === null) await once(next.program, 'exit');
        assert.equal(isThere(names.own), false);
        assert.equal(isThere(names.childs), true);
        assert.deepEqual(recordsOf(program.pid as number), []);
        for (const name of [next.names.untracked, names.untracked]) unlinkSync(`/dev/shm/${name}`);
      });
    }),
  );
}

test(
  '_TestSharedMemory.test_shared_memory_tracking, test_shared_memory_untracking, TestResourceTracker.test_resource_tracker_reused: the end of the family removes what it made, unless track is false [H-09]',
  clean(async () => {
    for (const how of ['end', 'unlink']) {
      const { program, names } = await started(how);
      if (program.exitCode === null) await once(program, 'exit');
      assert.deepEqual([isThere(names.own), isThere(names.childs), isThere(names.untracked)], [false, false, true]);
      unlinkSync(`/dev/shm/${names.untracked}`);
    }
  }),
);

test(
  'a process that opened memory and ended leaves it alone [fault 34] [H-09]',
  clean(() =>
    having(new SharedMemory({ create: true, size: 8 }), async (memory) => {
      const { name } = memory;
      const code = `import { SharedMemory } from 'multiproc'; new SharedMemory({ name: ${JSON.stringify(name)} });`;
      execFileSync(process.execPath, ['--input-type=module', '-e', code], {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
      });
      await inChild(() => new SharedMemory({ name }).close());
      assert.ok(isThere(name));
    }),
  ),
);

test(
  'Python opens our memory, and we open that of Python',
  { skip: !hasPython },
  clean(async () => {
    await having(new SharedMemory({ create: true, size: 64 }), (memory) => {
      new Float64Array(memory.buffer)[1] = 2.5;
      // Python's tracker would remove what it only opened.
      const code = `import sys, struct
from multiprocessing import shared_memory, resource_tracker
m = shared_memory.SharedMemory(name=sys.argv[1])
resource_tracker.unregister(m._name, 'shared_memory')
print(m.size, struct.unpack_from('d', m.buf, 8)[0])
struct.pack_into('d', m.buf, 0, -1.25)
m.close()`;
      assert.equal(python(code, memory.name), '64 2.5');
      assert.equal(new Float64Array(memory.buffer)[0], -1.25);
    });
    const code = `from multiprocessing import shared_memory, resource_tracker
m = shared_memory.SharedMemory(create=True, size=32)
resource_tracker.unregister(m._name, 'shared_memory')
m.buf[:3] = b'abc'
print(m.name)
m.close()`;
    await having(new SharedMemory({ name: python(code) }), ({ size, buffer }) => {
      assert.equal(size, 32);
      assert.equal(Buffer.from(buffer).toString('latin1', 0, 3), 'abc');
    });
  }),
);

test(
  '_TestSharedMemory.test_shared_memory_ShareableList_basics: items, replacement, search [H-10, H-11]',
  clean(async () => {
    const items = [
      'howdy',
      Buffer.from('HoWdY'),
      -273.154,
      100,
      null,
      true,
      42,
      2n ** 62n,
      '',
      'grün €🙂',
      -0,
      NaN,
      new Uint8Array(),
    ];
    const list = new ShareableList(items);
    await having(list.shm, () => {
      assert.equal(list.length, items.length);
      const bytes = (text: string) => Uint8Array.from(Buffer.from(text));
      assert.deepEqual(
        [...list],
        ['howdy', bytes('HoWdY'), -273.154, 100, null, true, 42, 2n ** 62n, '', 'grün €🙂', -0, NaN, bytes('')],
      );
      assert.deepEqual(
        [list.at(-10), list.at(items.length), list.at(-items.length - 1), list.at(0.5)],
        [100, undefined, undefined, undefined],
      );
      for (const [index, item] of [
        [0, 'some'],
        [2, null],
        [4, 1.5],
        [5, false],
        [3, 'seven b'],
        [9, 'ä'.repeat(8)],
        [1, 7],
      ] as const) {
        list.set(index, item);
        assert.equal(list.at(index), item);
      }
      assert.equal(list.at(6), 42);
      assert.throws(() => list.set(3, 'ninebytes'), { name: 'RangeError', message: /room for 8 bytes, received 9/ });
      assert.throws(() => list.set(3, 2n ** 63n), { name: 'RangeError', message: /64 bits/ });
      assert.throws(() => list.set(0, 'ends\0'), RangeError);
      assert.throws(() => list.set(0, {} as never), TypeError);
      assert.throws(() => list.set(items.length, 1), { name: 'RangeError', message: /received the index/ });
      assert.equal(list.at(3), 'seven b');
      assert.deepEqual(
        [list.count(42), list.count('no'), list.indexOf(false), list.indexOf(2n ** 62n), list.indexOf('x')],
        [1, 0, 5, 7, -1],
      );
      const other = new ShareableList(undefined, { name: list.shm.name });
      other.set(0, 'other');
      assert.equal(list.at(0), 'other');
      other.shm.close();
      assert.throws(() => other.at(0), ClosedError);
      assert.throws(() => other.set(0, 1), ClosedError);
    });
    const empty = new ShareableList();
    await having(empty.shm, () => assert.deepEqual([empty.length, [...empty], empty.format], [0, [], '']));
  }),
);

test(
  '_TestSharedMemory.test_shared_memory_ShareableList_pickling, test_shared_memory_ShareableList_pickling_dead_object: sent by its name [H-11]',
  clean(async () => {
    const list = new ShareableList(['a', 1]);
    await having(list.shm, async () => {
      await inChild(() => list.set(1, 2));
      assert.equal(list.at(1), 2);
      list.shm.unlink();
      const process = new Process({ target: (sent: ShareableList) => sent.length, args: [list] });
      await process.start();
      await assert.rejects(process.result(), /ENOENT|no such file/i);
    });
  }),
);

test(
  'Python reads and changes our list, and we read that of Python',
  { skip: !hasPython },
  clean(async () => {
    const list = new ShareableList(['grün €', 5, 1.5, true, null, Buffer.from([1, 255])]);
    const { format } = list;
    await having(list.shm, () => {
      const code = `import sys
from multiprocessing import shared_memory, resource_tracker
l = shared_memory.ShareableList(name=sys.argv[1])
resource_tracker.unregister(l.shm._name, 'shared_memory')
print(ascii(list(l)), l.format)
l[0] = 'x\\u00fc'; l[1] = None; l[4] = 2**40; l[2] = False
l.shm.close()`;
      assert.equal(python(code, list.shm.name), `['gr\\xfcn \\u20ac', 5, 1.5, True, None, b'\\x01\\xff'] ${format}`);
      assert.deepEqual([...list], ['xü', null, false, true, 2 ** 40, Uint8Array.of(1, 255)]);
    });
    const code = `from multiprocessing import shared_memory, resource_tracker
l = shared_memory.ShareableList(['abc', b'xyz', -7, 0.25, False, None, 2**62])
resource_tracker.unregister(l.shm._name, 'shared_memory')
print(l.shm.name)
l.shm.close()`;
    const theirs = new ShareableList(undefined, { name: python(code) });
    await having(theirs.shm, () =>
      assert.deepEqual([...theirs], ['abc', Uint8Array.from(Buffer.from('xyz')), -7, 0.25, false, null, 2n ** 62n]),
    );
  }),
);

test(
  'memory that is no list is refused, and one that was scribbled over never reads beyond it',
  clean(() =>
    having(new SharedMemory({ create: true, size: 64 }), ({ name, buffer }) => {
      const words = new BigInt64Array(buffer);
      for (const length of [-1n, 100n, 2n ** 62n]) {
        words[0] = length;
        assert.throws(() => new ShareableList(undefined, { name }), { name: 'ProtocolError', message: /not that of a list/ });
      }
      words[0] = 1n;
      words[2] = 10_000n;
      const list = new ShareableList(undefined, { name });
      assert.throws(() => list.at(0), { name: 'ProtocolError', message: /not that of a list/ });
      list.shm.close();
    }),
  ),
);
