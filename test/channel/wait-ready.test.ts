/**
 * waitReady() over pipes, Unix sockets, TCP, sentinels, listeners and Node's own sockets.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChannelClosedError, Client, type Connection, Event, Listener, Pipe, waitReady } from '#src/index.js';
import { withDeadline } from '../support/deadline.js';
import { eachKind, startChild } from '../support/kinds.js';
import { clean, pair, ways, withChild } from './conformance-support.js';

for (const way of ways) {
  eachKind(
    `${way}: waitReady() with many writers, until the last has ended  [TestWait.test_wait] [TestWait.test_wait_slow] [W-01]`,
    async (kind, t) => {
      const writers = 3;
      const messages = 8;
      const here = await Promise.all(
        Array.from({ length: writers }, () =>
          withChild(
            kind,
            t,
            way,
            async (connection: Connection<never>, count: number) => {
              for (let i = 0; i < count; i++) {
                await sleep(Math.random() * 4); // slow ones and quick ones
                await (connection as Connection).send(i);
              }
            },
            messages,
          ),
        ),
      );
      const received = new Map(here.map((connection) => [connection, 0]));
      const open = new Set(here);
      while (open.size > 0) {
        const ready = await withDeadline(waitReady(open), 60_000, 'a writer');
        assert.ok(ready.length > 0);
        for (const connection of ready) {
          try {
            const value = await connection.recv();
            assert.equal(value, received.get(connection));
            received.set(connection, (value as number) + 1);
          } catch (error) {
            assert.ok(error instanceof ChannelClosedError);
            open.delete(connection);
          }
        }
      }
      assert.deepEqual([...received.values()], Array<number>(writers).fill(messages));
    },
  );

  test(
    `${way}: waitReady() gives [] when time runs out, and at once for a negative time  [TestWait.test_wait_timeout] [TestWait.test_neg_timeout]`,
    clean(async (t) => {
      const [first, second] = await pair(t, way);
      for (const timeout of [-1, 0, 10]) assert.deepEqual(await waitReady([first, second], timeout), []);
      await second.send(null);
      assert.deepEqual(await waitReady([first, second], 20_000), [first]);
      second.close();
      await first.recv();
      assert.deepEqual(await waitReady([first]), [first]);
    }),
  );
}

eachKind('waitReady() with sentinels and connections together  [TestWait.test_wait_integer]', async (kind, t) => {
  const [first, second] = Pipe<number>();
  const listener = await new Listener().listen();
  t.after(() => [first, second, listener].forEach((each) => each.close()));
  const go = new Event();
  const child = await startChild(kind, t, (event: Event) => event.wait().then(() => undefined), [go]);
  assert.deepEqual(await waitReady([first, child.sentinel, second, listener], 5), []);
  await second.send(1);
  assert.deepEqual(await waitReady([first, child.sentinel, second, listener], 20_000), [first]);
  const client = await Client(listener.address);
  t.after(() => client.close());
  assert.deepEqual(await waitReady([first, child.sentinel, second, listener], 20_000), [first, listener]);
  await first.recv();
  (await listener.accept()).close();
  const ending = waitReady([first, child.sentinel, second, listener], 20_000);
  go.set();
  assert.deepEqual(await ending, [child.sentinel]);
});

eachKind(
  'waitReady() with plain sockets of Node  [TestWait.test_wait_socket] [TestWait.test_wait_socket_slow]',
  async (kind, t) => {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => server.close());
    const accepted: Socket[] = [];
    server.on('connection', (socket) => accepted.push(socket));
    const { port } = server.address() as { port: number };
    for (let i = 0; i < 3; i++) {
      await startChild(
        kind,
        t,
        async (target: number, number: number) => {
          const { connect: open } = await import('node:net');
          const socket = open(target, '127.0.0.1');
          for (let n = 0; n < 5; n++) {
            await sleep(Math.random() * 4);
            socket.write(`${number}`);
          }
          await new Promise<void>((resolve) => socket.end(resolve));
          socket.destroy();
        },
        [port, i],
      );
    }
    while (accepted.length < 3) await once(server, 'connection');
    const open = new Map(accepted.map((socket) => [socket, '']));
    const texts: string[] = [];
    while (open.size > 0) {
      for (const socket of await withDeadline(waitReady(open.keys()), 60_000, 'a socket')) {
        const chunk = socket.read() as Buffer | null;
        if (chunk !== null) open.set(socket, open.get(socket) + chunk.toString());
        else if (socket.readableEnded || socket.destroyed) {
          texts.push(open.get(socket) as string);
          open.delete(socket);
          socket.destroy();
        }
      }
    }
    assert.deepEqual(texts.sort(), ['00000', '11111', '22222']);
  },
);

test('waitReady() of nothing takes the time that it is given  [_TestConnection.test_wait_empty]', async () => {
  let over = false;
  const waiting = waitReady([], 30).then((ready) => {
    over = true;
    return ready;
  });
  await sleep(1);
  assert.equal(over, false);
  assert.deepEqual(await waiting, []);
  assert.deepEqual(await waitReady([]), []);
  const abort = new AbortController();
  const aborted = waitReady([], { signal: abort.signal });
  abort.abort(new Error('enough'));
  await assert.rejects(aborted, /enough/);
});
