/**
 * poll() over pipes, Unix sockets and TCP, with every kind of child.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, Event } from '#src/index.js';
import { eachKind } from '../support/kinds.js';
import { clean, pair, ways, withChild } from './conformance-support.js';

for (const way of ways) {
  test(
    `${way}: an empty message is a message  [_TestPoll.test_empty_string] [C-12]`,
    clean(async (t) => {
      const [first, second] = await pair(t, way);
      assert.equal(await first.poll(), false);
      await second.sendBytes(new Uint8Array(0));
      assert.equal(await first.poll(10_000), true);
      assert.equal(await first.poll(), true);
      assert.equal((await first.recvBytes()).length, 0);
      assert.equal(await first.poll(), false);
    }),
  );

  eachKind(`${way}: poll() is true once for each message that comes  [_TestPoll.test_strings]`, async (kind, t) => {
    const strings = ['hello', '', 'a', 'b', '', 'bye', '', 'lop'];
    const here = await withChild(
      kind,
      t,
      way,
      async (connection: Connection<never>, sent: string[]) => {
        for (const text of sent) {
          await sleep(1); // so that the other side often waits
          await connection.sendBytes(Buffer.from(text));
        }
        await connection.recvBytes();
      },
      strings,
    );
    for (const text of strings) {
      assert.equal(await here.poll(60_000), true);
      assert.equal(Buffer.from(await here.recvBytes()).toString(), text);
    }
    assert.equal(await here.poll(), false);
    await here.sendBytes(new Uint8Array(0));
  });

  eachKind(`${way}: messages keep their bounds, whenever they are looked at  [_TestPoll.test_boundaries]`, async (kind, t) => {
    const here = await withChild(kind, t, way, async (connection: Connection<never>) => {
      for (const text of ['a', '', 'bb', '', 'ccc']) await connection.sendBytes(Buffer.from(text));
      await connection.recvBytes();
    });
    const received: string[] = [];
    while (received.length < 5) {
      assert.equal(here.pollSync(60_000), true);
      received.push(Buffer.from(here.recvBytesSync()).toString());
    }
    assert.deepEqual(received, ['a', '', 'bb', '', 'ccc']);
    await here.sendBytes(new Uint8Array(0));
  });

  eachKind(`${way}: two messages are never one  [_TestPoll.test_dont_merge]`, async (kind, t) => {
    const seen = new Event();
    const here = await withChild(
      kind,
      t,
      way,
      async (connection: Connection<never>, event: Event) => {
        await connection.sendBytes(Buffer.from('hello'));
        await event.wait();
        await connection.sendBytes(Buffer.from('world'));
        await connection.recvBytes();
      },
      seen,
    );
    assert.equal(await here.poll(60_000), true);
    seen.set();
    assert.equal(await here.poll(60_000), true);
    assert.equal(Buffer.from(await here.recvBytes()).toString(), 'hello');
    assert.equal(await here.poll(60_000), true);
    assert.equal(Buffer.from(await here.recvBytes()).toString(), 'world');
    assert.equal(await here.poll(), false);
    await here.sendBytes(new Uint8Array(0));
  });

  eachKind(
    `${way}: signals disturb neither waiting nor blocking calls  [_TestPollEintr.test_poll_eintr]`,
    async (kind, t) => {
      let count = 0;
      const onSignal = () => void count++;
      process.on('SIGHUP', onSignal);
      t.after(() => process.off('SIGHUP', onSignal));
      const here = await withChild(
        kind,
        t,
        way,
        async (connection: Connection<never>, pid: number) => {
          for (let round = 0; round < 2; round++) {
            await connection.recvBytes();
            for (let i = 0; i < 5; i++) {
              process.kill(pid, 'SIGHUP');
              await sleep(10);
            }
            await connection.sendBytes(Buffer.from('done'));
          }
        },
        process.pid,
      );
      await here.sendBytes(new Uint8Array(1));
      assert.equal(here.pollSync(60_000), true);
      here.recvBytesSync();
      await here.sendBytes(new Uint8Array(1));
      assert.equal(await here.poll(60_000), true);
      await here.recvBytes();
      assert.ok(count > 0);
    },
    (kind) => kind.separate,
  );
}
