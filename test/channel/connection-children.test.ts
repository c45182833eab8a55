/**
 * What Python's tests say of connections and listeners, over pipes, Unix sockets and TCP, with every kind of child.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, ChannelClosedError, Client, ClosedError, type Connection, Listener } from '#src/index.js';
import { eachKind, startChild } from '../support/kinds.js';
import { clean, echo, pair, ways, withChild } from './conformance-support.js';

for (const way of ways) {
  eachKind(
    `${way}: values and bytes go to a child and back  [_TestConnection.test_connection] [C-02] [C-06]`,
    async (kind, t) => {
      const here = await withChild(kind, t, way, async (connection: Connection<never>) => {
        const other = connection as Connection;
        for (let value = await other.recv(); value !== 'bytes'; value = await other.recv()) await other.send(value);
        for (let bytes = await other.recvBytes(); bytes.length > 0; bytes = await other.recvBytes()) await other.sendBytes(bytes);
      });
      for (const value of [[1, 2.25, null], 'text', { list: Array.from({ length: 500 }, (_, i) => i) }]) {
        await here.send(value);
        assert.deepEqual(await here.recv(), value);
      }
      await here.send('bytes');
      const message = Buffer.from('hello world');
      await here.sendBytes(message);
      const room = new Uint8Array(20);
      assert.equal(await here.recvBytesInto(room, 3), message.length);
      assert.equal(Buffer.from(room.subarray(3, 3 + message.length)).toString(), 'hello world');
      const large = Buffer.alloc(16 * 2 ** 20, 'x');
      const [, back] = await Promise.all([here.sendBytes(large), here.recvBytes()]);
      assert.ok(large.equals(back));
      await here.sendBytes(new Uint8Array(0));
      await assert.rejects(here.recv(), ChannelClosedError);
      assert.equal(await here.poll(), true);
      here.close();
      await assert.rejects(here.recv(), ClosedError);
      await assert.rejects(here.poll(), ClosedError);
    },
  );

  eachKind(
    `${way}: our copy of the child's end may be closed once it started  [_TestConnection.test_spawn_close]`,
    async (kind, t) => {
      const here = await withChild(kind, t, way, echo);
      await here.sendBytes(Buffer.from('hello'));
      assert.equal(Buffer.from(await here.recvBytes()).toString(), 'hello');
      await here.sendBytes(new Uint8Array(0));
      await assert.rejects(here.recvBytes(), ChannelClosedError);
    },
  );

  test(
    `${way}: parts of a buffer are sent, and what is not within it is a RangeError  [_TestConnection.test_sendbytes] [C-04]`,
    clean(async (t) => {
      const [first, second] = await pair(t, way);
      const letters = Buffer.from('abcdefghijklmnopqrstuvwxyz');
      for (const [offset, size] of [[undefined, undefined], [5], [7, 8], [26], [26, 0], [0, 26]]) {
        await first.sendBytes(letters, offset, size);
        const expected = letters.subarray(offset ?? 0, size === undefined ? undefined : (offset ?? 0) + size);
        assert.equal(Buffer.from(await second.recvBytes()).toString(), expected.toString());
      }
      for (const [offset, size] of [[27], [22, 5], [26, 1], [-1], [4, -1]]) {
        await assert.rejects(first.sendBytes(letters, offset, size), RangeError);
      }
    }),
  );

  test(
    `${way}: using closes a connection  [_TestConnection.test_context] [C-11]`,
    clean(async (t) => {
      const [first, second] = await pair(t, way);
      await first.send(1729);
      assert.equal(await second.recv(), 1729);
      assert.equal(first.closed, false);
      first[Symbol.dispose]();
      second[Symbol.dispose]();
      assert.deepEqual([first.closed, second.closed], [true, true]);
      await assert.rejects(second.recv(), ClosedError);
      await assert.rejects(first.send(1), ClosedError);
    }),
  );
}

for (const way of ['Unix socket', 'TCP'] as const) {
  eachKind(`${way}: a child connects and says hello  [_TestListenerClient.test_listener_client]`, async (kind, t) => {
    const listener = await new Listener({ authKey: Buffer.from('key'), ...(way === 'TCP' ? { address: {} } : {}) }).listen();
    t.after(() => listener.close());
    const child = await startChild(
      kind,
      t,
      async (address: Address) => {
        const client = await Client(address, { authKey: Buffer.from('key') });
        await client.send('hello');
        client.close();
      },
      [listener.address],
    );
    const server = await listener.accept<string>(60_000);
    assert.equal(await server.recv(), 'hello');
    await child.join();
    await assert.rejects(server.recv(), ChannelClosedError);
    server.close();
  });

  eachKind(`${way}: blocking code of a child and an event loop talk`, async (kind, t) => {
    const here = await withChild(kind, t, way, (connection: Connection<never>) => {
      const other = connection as Connection;
      for (let value = other.recvSync(); value !== null; value = other.recvSync()) other.sendSync(value);
      other.sendBytesSync(other.recvBytesSync());
    });
    for (let i = 0; i < 100; i++) {
      await here.send(i);
      assert.equal(await here.recv(), i);
    }
    await here.send(null);
    const large = Buffer.alloc(5_000_000, 5);
    const [, back] = await Promise.all([here.sendBytes(large), here.recvBytes()]);
    assert.ok(large.equals(back));
  });

  eachKind(
    `${way}: what a killed process sent is received, then comes the end  [fault 46]`,
    async (kind, t) => {
      const here = await withChild(kind, t, way, async (connection: Connection<never>) => {
        const other = connection as Connection;
        await other.send('last words');
        await other.recv();
        process.kill(process.pid, 'SIGKILL');
      });
      assert.equal(await here.recv(), 'last words');
      const ending = here.recv();
      await here.send('now');
      await assert.rejects(ending, ChannelClosedError);
      await assert.rejects(async () => {
        for (let i = 0; i < 100; i++) await here.sendBytes(Buffer.alloc(100_000));
      }, ChannelClosedError);
    },
    (kind) => kind.separate,
  );
}
