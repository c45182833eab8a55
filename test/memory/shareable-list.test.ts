/**
 * Lists in named shared memory: items, replacement, other processes, Python, scribbles.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClosedError } from '#src/index.js';
import { ShareableList, SharedMemory } from '#src/memory/index.js';
import { eachKind, inChild, startChild } from '../support/kinds.js';
import { clean, hasPython, having, python } from './memory-support.js';

test(
  'items, replacement, search  [_TestSharedMemory.test_shared_memory_ShareableList_basics] [H-10, H-11]',
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

eachKind(
  'sent by its name, a list is the same list  [_TestSharedMemory.test_shared_memory_ShareableList_pickling] [H-11]',
  (kind, t) => {
    const list = new ShareableList(['a', 1, 2n ** 60n]);
    return having(list.shm, async () => {
      const items = await inChild(
        kind,
        t,
        (sent: ShareableList) => {
          sent.set(1, 2);
          return [...sent, sent.shm.name];
        },
        list,
      );
      assert.deepEqual(items, ['a', 2, 2n ** 60n, list.shm.name]);
      assert.equal(list.at(1), 2);
      const back = await inChild(kind, t, () => ({ list }));
      back.list.set(0, 'b');
      assert.equal(list.at(0), 'b');
      back.list.shm.close();
    });
  },
);

eachKind(
  'sent after unlink, a list is an error for who gets it  [_TestSharedMemory.test_shared_memory_ShareableList_pickling_dead_object] [H-11]',
  async (kind, t) => {
    const list = new ShareableList([1, 2]);
    list.shm.unlink();
    const child = await startChild(kind, t, (sent: ShareableList) => sent.length, [list]);
    await assert.rejects(child.result(), { name: 'DeserializationError', message: /Cannot open shared memory .*ENOENT/ });
    assert.deepEqual([...list], [1, 2]);
    list.shm.close();
  },
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
