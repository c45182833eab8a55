/**
 * Pipe(), Connection and waitReady() in one process and across processes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BufferTooShortError,
  ChannelClosedError,
  ClosedError,
  type Connection,
  Event,
  InvalidStateError,
  Lock,
  MessageTooLargeError,
  Pipe,
  Process,
  Queue,
  SerializationError,
  TimeoutError,
  waitReady,
} from 'multiproc';
import { leavesNothing } from '../support/census.js';

/** The family, and the inspector that reads closures, live as long as this process. */
const warmUp = async () => {
  const lock = new Lock();
  const process = new Process({ target: () => lock.locked() });
  await process.start();
  await process.join();
};
const clean = (body: () => Promise<void>) => leavesNothing(body, { warmUp });

test(
  'values and bytes go both ways, in their order, between event loops and blocking code  [_TestConnection.test_connection]',
  clean(async () => {
    const [here, there] = Pipe<unknown>();
    const echo = new Process({
      target: (connection: Connection) => {
        for (let value = connection.recvSync(); value !== 'bytes'; value = connection.recvSync()) connection.sendSync(value);
        connection.sendBytesSync(connection.recvBytesSync());
      },
      args: [there],
    });
    await echo.start();
    there.close();
    for (const value of [1, 'text', { list: [1, 2, 3] }, new Map([[1, 2]]), Buffer.alloc(3_000_000, 7)]) {
      await here.send(value);
      assert.deepEqual(await here.recv(), value);
    }
    await here.send('bytes');
    await here.sendBytes(Buffer.from('0123456789'), 2, 5);
    assert.equal(Buffer.from(await here.recvBytes()).toString(), '23456');
    await assert.rejects(here.recv(), ChannelClosedError);
    await echo.join();
    here.close();
  }),
);

test('bytes: limits, offsets and buffers that are too short  [_TestConnection.test_connection]', async () => {
  const [first, second] = Pipe();
  await first.sendBytes(Buffer.alloc(100, 1));
  await first.sendBytes(Buffer.alloc(10, 2));
  await assert.rejects(second.recvBytes(99), MessageTooLargeError);
  assert.equal((await second.recvBytes(10))[9], 2);
  await first.sendBytes(Buffer.from('hello'));
  const room = new Uint8Array(8);
  assert.equal(await second.recvBytesInto(room, 3), 5);
  assert.equal(Buffer.from(room.subarray(3)).toString(), 'hello');
  await first.sendBytes(Buffer.from('hello'));
  await assert.rejects(
    second.recvBytesInto(room, 4),
    (error) => error instanceof BufferTooShortError && Buffer.from(error.bytes).toString() === 'hello',
  );
  await first.sendBytes(new Uint8Array(0));
  assert.equal((await second.recvBytes()).length, 0);
  await assert.rejects(first.sendBytes(room, 9), RangeError);
  await assert.rejects(first.sendBytes(room, 2, 7), RangeError);
  await assert.rejects(first.sendBytes(room, -1), RangeError);
  await assert.rejects(first.sendBytes('text' as never), {
    name: 'TypeError',
    message: /^Cannot send bytes: .*, received text$/,
  });
  await assert.rejects(second.recvBytesInto('x' as never), {
    name: 'TypeError',
    message: 'Cannot receive into a buffer: it must be a Uint8Array, received x',
  });
  await assert.rejects(second.recvBytes(-1), RangeError);
  await assert.rejects(first.send(Promise.resolve()), SerializationError);
  first.close();
  second.close();
});

test('what is sent may change afterwards, also while it waits for room', async () => {
  const [first, second] = Pipe();
  const filler = Buffer.alloc(4_000_000, 1);
  await first.sendBytes(filler);
  const bytes = Buffer.alloc(500_000, 2);
  const waiting = first.sendBytes(bytes);
  bytes.fill(3);
  assert.equal((await second.recvBytes())[0], 1);
  await waiting;
  assert.ok((await second.recvBytes()).every((byte) => byte === 2));
  first.close();
  second.close();
});

test('a simplex pipe has an end that reads and one that writes  [_TestConnection.test_duplex_false]', async () => {
  const [reader, writer] = Pipe<number>({ duplex: false });
  assert.deepEqual([reader.readable, reader.writable, writer.readable, writer.writable], [true, false, false, true]);
  await writer.send(1);
  assert.equal(await reader.recv(), 1);
  await assert.rejects(reader.send(2), InvalidStateError);
  await assert.rejects(writer.recv(), InvalidStateError);
  await assert.rejects(writer.poll(), InvalidStateError);
  reader.close();
  await assert.rejects(writer.send(3), ChannelClosedError);
  writer.close();
  assert.throws(() => Pipe({ duplex: 1 as never }), TypeError);
  assert.throws(() => Pipe(null as never), { name: 'TypeError', message: /^Cannot create a pipe/ });
});

test('poll() says whether a message or the end is there  [_TestPoll]', async () => {
  const [first, second] = Pipe<string>();
  assert.equal(await second.poll(), false);
  assert.equal(await second.poll(5), false);
  assert.equal(second.pollSync(5), false);
  await first.send('');
  assert.equal(await second.poll(), true);
  assert.equal(second.pollSync(), true);
  assert.equal(await second.recv(), '');
  assert.equal(await second.poll(), false);
  const polling = second.poll(60_000);
  await first.send('x');
  assert.equal(await polling, true);
  assert.equal(await second.recv(), 'x');
  await assert.rejects(second.recv(5), TimeoutError);
  assert.throws(() => second.recvSync(5), TimeoutError);
  first.close();
  assert.equal(await second.poll(), true);
  await assert.rejects(second.recv(), ChannelClosedError);
  second.close();
  second.close();
  await assert.rejects(second.poll(), ClosedError);
  assert.equal(second.closed, true);
});

test('close() ends what waits here with ClosedError, and there with ChannelClosedError', async () => {
  const [first, second] = Pipe();
  const here = first.recv();
  const there = second.recv();
  first.close();
  await assert.rejects(here, (error) => error instanceof ClosedError && !(error instanceof ChannelClosedError));
  await assert.rejects(there, ChannelClosedError);
  second.close();
});

test(
  'the end is seen when the last process that has the other end is killed, after everything it sent  [_TestConnection] [fault 46]',
  clean(async () => {
    const [here, there] = Pipe<number>();
    const ready = new Event();
    const senders = [1, 2].map(
      (number) =>
        new Process({
          target: async (connection: Connection<number>) => {
            await connection.send(number);
            ready.set();
            await connection.recv();
          },
          args: [there],
        }),
    );
    await Promise.all(senders.map((sender) => sender.start()));
    there.close();
    const received = [await here.recv(), await here.recv()].sort();
    assert.deepEqual(received, [1, 2]);
    const end = here.recv();
    for (const sender of senders) {
      sender.kill();
      await sender.join();
    }
    await assert.rejects(end, ChannelClosedError);
    await assert.rejects(here.send(1), ChannelClosedError);
    here.close();
  }),
);

test(
  'several senders never mix their messages, whatever their size',
  clean(async () => {
    const [here, there] = Pipe<{ from: number; text: string }>();
    const senders = [0, 1, 2].map(
      (from) =>
        new Process({
          target: async (connection: Connection) => {
            for (let i = 0; i < 30; i++) await connection.send({ from, text: String(from).repeat(i * 7_000) });
          },
          args: [there],
        }),
    );
    await Promise.all(senders.map((sender) => sender.start()));
    there.close();
    const next = [0, 0, 0];
    for await (const { from, text } of here) {
      assert.equal(text, String(from).repeat((next[from] as number) * 7_000));
      next[from] = (next[from] as number) + 1;
    }
    assert.deepEqual(next, [30, 30, 30]);
    await Promise.all(senders.map((sender) => sender.join()));
    here.close();
  }),
);

test(
  'connections, queues and locks travel over a connection and arrive usable  [_TestPicklingConnections]',
  clean(async () => {
    const [here, there] = Pipe<unknown>();
    const child = new Process({
      target: async (connection: Connection) => {
        const inner = (await connection.recv()) as Connection<string>;
        const queue = (await connection.recv()) as Queue<string>;
        const lock = (await connection.recv()) as Lock;
        await inner.send('over the inner one');
        await lock.run(() => queue.put('over the queue'));
        inner.close();
      },
      args: [there],
    });
    await child.start();
    there.close();
    const [mine, theirs] = Pipe<string>();
    const queue = new Queue<string>();
    await here.send(theirs);
    theirs.close(); // it is on its way already
    await here.send(queue);
    await here.send(new Lock());
    assert.equal(await mine.recv(), 'over the inner one');
    assert.equal(await queue.get(), 'over the queue');
    await assert.rejects(mine.recv(), ChannelClosedError);
    await child.join();
    mine.close();
    here.close();
  }),
);

test(
  'an argument may be closed here as soon as start() has resolved',
  clean(async () => {
    const [here, there] = Pipe<number>();
    const queue = new Queue<number>();
    const child = new Process({
      target: async (connection: Connection<number>, sink: Queue<number>) => {
        await sink.put(await connection.recv());
        await sink.put(await connection.recv());
        return sink;
      },
      args: [there, queue],
    });
    await child.start();
    there.close();
    queue.close();
    await here.send(1);
    await here.send(2);
    const back = await child.result();
    assert.deepEqual([await back.get(), await back.get()], [1, 2]);
    here.close();
    back.close();
  }),
);

test(
  'waitReady() gives those that are ready: messages, ends, items, processes  [TestWait]',
  clean(async () => {
    const [first, second] = Pipe<number>();
    const queue = new Queue<number>();
    const process = new Process({ target: (connection: Connection<number>) => connection.recvSync(), args: [second] });
    await process.start();
    assert.deepEqual(await waitReady([first, queue, process], 0), []);
    assert.deepEqual(await waitReady([first, queue, process], 5), []);
    assert.deepEqual(await waitReady([], 5), []);
    const waiting = waitReady([first, queue, process]);
    await queue.put(1);
    assert.deepEqual(await waiting, [queue]);
    assert.equal(await queue.get(), 1);
    const end = waitReady([first, queue, process], 60_000);
    await first.send(1);
    assert.deepEqual(await end, [process]);
    assert.deepEqual(await waitReady([queue, process.sentinel]), [process.sentinel]);
    second.close();
    assert.deepEqual(await waitReady([queue, first]), [first]);
    await assert.rejects(waitReady([{} as never]), TypeError);
    await assert.rejects(waitReady([queue], { signal: AbortSignal.abort(new Error('enough')) }), /enough/);
    const abort = new AbortController();
    const aborted = waitReady([queue], { signal: abort.signal });
    abort.abort(new Error('later'));
    await assert.rejects(aborted, /later/);
    first.close();
    queue.close();
  }),
);
