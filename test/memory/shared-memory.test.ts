/**
 * Named shared memory: names, errors, other processes, other programs (Python).
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ResourceExhaustedError, SystemError } from '#src/index.js';
import { ShareableList, SharedMemory } from '#src/memory/index.js';
import { eachKind, inChild, startChild } from '../support/kinds.js';
import { clean, hasPython, having, isThere, python } from './memory-support.js';

test(
  'create, open, write, close, unlink  [_TestSharedMemory.test_shared_memory_basics] [H-01 … H-06]',
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
  'names of its own are new ones; a second unlink leaves a later namesake alone  [_TestSharedMemory.test_shared_memory_recreate] [H-06]',
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
  'what is wrong is refused  [_TestSharedMemory.test_invalid_shared_memory_creation] [_TestSharedMemory.test_shared_memory_name_with_embedded_null] [TestResourceTracker.test_too_long_name_resource] [H-01]',
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

eachKind(
  'captured, sent and sent back  [_TestSharedMemory.test_shared_memory_across_processes] [_TestSharedMemory.test_shared_memory_pickle_unpickle] [H-08]',
  (kind, t) =>
    having(new SharedMemory({ create: true, size: 16 }), async (memory) => {
      const back = await inChild(kind, t, () => {
        new Uint8Array(memory.buffer).set([1, 2, 3]);
        return { memory };
      });
      assert.deepEqual([...new Uint8Array(memory.buffer, 0, 4)], [1, 2, 3, 0]);
      assert.deepEqual([...new Uint8Array(back.memory.buffer, 0, 4)], [1, 2, 3, 0]);
      back.memory.close();
      // What a child made stays after its end.
      const name = await inChild(kind, t, () => new SharedMemory({ create: true, size: 8 }).name);
      await having(new SharedMemory({ name }), () => undefined);
    }),
);

eachKind(
  'after unlink, who gets the name fails  [_TestSharedMemory.test_shared_memory_pickle_unpickle_dead_object] [H-08]',
  async (kind, t) => {
    const memory = new SharedMemory({ create: true, size: 16 });
    memory.unlink();
    const child = await startChild(kind, t, (sent: SharedMemory) => sent.size, [memory]);
    await assert.rejects(child.result(), { name: 'DeserializationError', message: /Cannot open shared memory .*ENOENT/ });
    memory.close();
  },
);

test(
  'odd names  [TestSharedMemoryNames.test_that_shared_memory_name_with_colons_has_no_resource_tracker_errors] [H-03]',
  clean(async () => {
    for (const name of ['mp-a:b:c', 'mp- ü\n', 'mp-' + 'x'.repeat(252)]) {
      await having(new SharedMemory({ name, create: true, size: 8 }), () => assert.ok(isThere(name)));
      assert.equal(isThere(name), false);
    }
  }),
);

eachKind('a process that opened memory and ended leaves it alone [fault 34] [H-09]', (kind, t) =>
  having(new SharedMemory({ create: true, size: 8 }), async (memory) => {
    const { name } = memory;
    const code = `import { SharedMemory } from 'multiproc'; new SharedMemory({ name: ${JSON.stringify(name)} });`;
    execFileSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
    });
    await inChild(kind, t, () => new SharedMemory({ name }).close());
    assert.ok(isThere(name));
  }),
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
