/**
 * Listener and Client within one process, and what they promise about addresses, limits and ends.
 */
import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import {
  BufferTooShortError,
  ChannelClosedError,
  Client,
  ClientSync,
  ClosedError,
  InvalidStateError,
  Listener,
  MessageTooLargeError,
  SystemError,
  TimeoutError,
} from 'multiproc';
import { clean, connected, families, freeAddress, listening } from './socket-support.js';

for (const [family, options] of families) {
  test(
    `${family}: values and bytes go both ways, in their order, whatever their size  [L-02] [C-13]`,
    clean(async (t) => {
      const { client, server } = await connected(t, options);
      const values = [0, 'text', null, { list: [1, { deep: new Map([['k', new Set([1n])]]) }] }, new Date(5), 'x'.repeat(70_000)];
      for (const value of values) {
        await client.send(value);
        assert.deepEqual(await server.recv(), value);
        server.sendSync(value);
        assert.deepEqual(client.recvSync(), value);
      }
      for (const size of [0, 1, 5, 16_383, 16_384, 16_385, 65_535, 65_536, 70_000, 3_000_001]) {
        const bytes = Buffer.alloc(size, size % 251);
        const [, received] = await Promise.all([client.sendBytes(bytes), server.recvBytes()]);
        assert.ok(bytes.equals(received), `${size} bytes`);
      }
    }),
  );

  test(
    `${family}: what was sent before the end can be received, then recv() rejects and iteration ends  [C-03] [_TestListenerClient.test_issue14725]`,
    clean(async (t) => {
      const listener = await listening(t, options);
      const client = await Client<number>(listener.address);
      await client.send(1);
      await client.send(2);
      client.close(); // before anybody accepted it
      const server = await listener.accept<number>();
      assert.equal(await server.poll(), true);
      const received: number[] = [];
      for await (const value of server) received.push(value);
      assert.deepEqual(received, [1, 2]);
      assert.equal(await server.poll(), true);
      await assert.rejects(server.recv(), ChannelClosedError);
      assert.throws(() => server.recvSync(), ChannelClosedError);
      server.close();
      await assert.rejects(server.recv(), (error) => error instanceof ClosedError && !(error instanceof ChannelClosedError));
    }),
  );

  test(
    `${family}: a message that came is seen by poll() at once  [_TestListenerClient.test_issue16955]`,
    clean(async (t) => {
      const { client, server } = await connected(t, options);
      assert.equal(await client.poll(), false);
      await server.sendBytes(Buffer.from('hello'));
      assert.equal(await client.poll(10_000), true);
      assert.equal(client.pollSync(), true);
      assert.equal(Buffer.from(await client.recvBytes()).toString(), 'hello');
      assert.equal(client.pollSync(1), false);
    }),
  );

  test(
    `${family}: an address can be had once  [_TestListener.test_multiple_bind]`,
    clean(async (t) => {
      const listener = await listening(t, options);
      const second = new Listener({ address: listener.address });
      await assert.rejects(second.listen(), (error) => error instanceof SystemError && error.code === 'EADDRINUSE');
      second.close();
      const client = await Client(listener.address); // nothing of the first one was removed
      client.close();
    }),
  );

  test(
    `${family}: using, and accept() after it: ClosedError  [_TestListener.test_context]`,
    clean(async () => {
      const listener = await new Listener(options).listen();
      const { address } = listener;
      const client = await Client<number>(address);
      const server = await listener.accept<number>();
      await client.send(1729);
      assert.equal(await server.recv(), 1729);
      for (const each of [server, client, listener]) each[Symbol.dispose]();
      await assert.rejects(listener.accept(), ClosedError);
      await assert.rejects(listener.listen(), ClosedError);
      assert.deepEqual(listener.address, address);
      assert.equal(listener.closed, true);
      listener.close();
      await assert.rejects(Client(address), (error) => error instanceof SystemError && /ECONNREFUSED|ENOENT/.test(error.code));
    }),
  );

  test(
    `${family}: waits have limits: accept(), recv(), poll()  [L-02]`,
    clean(async (t) => {
      const { listener, client } = await connected(t, options);
      await assert.rejects(listener.accept(5), TimeoutError);
      await assert.rejects(client.recv(5), TimeoutError);
      assert.throws(() => client.recvSync(5), TimeoutError);
      const abort = new AbortController();
      const waits = [listener.accept({ signal: abort.signal }), client.recv({ signal: abort.signal })];
      abort.abort(new Error('enough'));
      for (const wait of waits) await assert.rejects(wait, /enough/);
      await assert.rejects(listener.accept('soon' as never), TypeError);
    }),
  );

  test(
    `${family}: close() ends what waits here: ClosedError`,
    clean(async (t) => {
      const { listener, client } = await connected(t, options);
      const waits = [listener.accept(), client.recv(), client.poll(60_000)];
      listener.close();
      client.close();
      for (const wait of waits) await assert.rejects(wait, ClosedError);
    }),
  );

  test(
    `${family}: several senders never mix their messages, and a send waits for room  [C-14]`,
    clean(async (t) => {
      const { client, server } = await connected<{ from: number; text: string }>(t, options);
      const count = 40;
      const sending = [0, 1, 2].flatMap((from) =>
        Array.from({ length: count }, (_, i) => client.send({ from, text: String(from).repeat(i * 9_000) })),
      );
      for (let i = 0; i < 3 * count; i++) {
        const { from, text } = await server.recv();
        assert.equal(text, String(from).repeat((i % count) * 9_000));
      }
      await Promise.all(sending);
    }),
  );

  test(
    `${family}: bytes that are sent may change afterwards, also while they wait for room`,
    clean(async (t) => {
      const { client, server } = await connected(t, options);
      const bytes = Buffer.alloc(8_000_000, 2);
      const sending = client.sendBytes(bytes);
      bytes.fill(3);
      assert.ok((await server.recvBytes()).every((byte) => byte === 2));
      await sending;
    }),
  );

  test(
    `${family}: recvBytes(maxLength) takes a longer message and goes on; a buffer that is too short has it in the error  [C-05] [C-06]`,
    clean(async (t) => {
      const { client, server } = await connected(t, options);
      for (const size of [100, 10, 6]) await client.sendBytes(Buffer.alloc(size, size));
      await assert.rejects(server.recvBytes(99), MessageTooLargeError);
      for (const length of [-1, 1.5, Number.NaN]) await assert.rejects(server.recvBytes(length), RangeError);
      for (const length of ['1', null, {}]) await assert.rejects(server.recvBytes(length as never), TypeError);
      assert.equal((await server.recvBytes(10))[9], 10);
      await assert.rejects(
        server.recvBytesInto(new Uint8Array(8), 3),
        (error) => error instanceof BufferTooShortError && error.bytes.length === 6,
      );
    }),
  );

  test(
    `${family}: a message above maxMessageBytes is refused where it is sent, and ends the connection where it comes  [fault 66]`,
    clean(async (t) => {
      const { client, server } = await connected(t, { ...options, maxMessageBytes: 1000 });
      await client.sendBytes(Buffer.alloc(1000));
      assert.equal((await server.recvBytes()).length, 1000);
      await assert.rejects(client.sendBytes(Buffer.alloc(1001)), MessageTooLargeError);
      await assert.rejects(client.send('x'.repeat(1001)), MessageTooLargeError);
      const listener = await listening(t, { ...options, maxMessageBytes: 1000 });
      const liberal = await Client(listener.address);
      t.after(() => liberal.close());
      const strict = await listener.accept();
      t.after(() => strict.close());
      await liberal.sendBytes(Buffer.alloc(1001));
      await assert.rejects(strict.recvBytes(), MessageTooLargeError);
      await assert.rejects(strict.recvBytes(), MessageTooLargeError);
    }),
  );

  test(
    `${family}: blocking code connects, sends and receives  [C-02]`,
    clean(async (t) => {
      const listener = await listening(t, options);
      const client = ClientSync<string>(listener.address);
      t.after(() => client.close());
      client.sendSync('blocking');
      const server = await listener.accept<string>();
      t.after(() => server.close());
      assert.equal(server.recvSync(), 'blocking');
    }),
  );
}

test(
  'lastAccepted: where the last client came from  [L-05]',
  clean(async (t) => {
    const tcp = await listening(t, { address: {} });
    assert.equal(tcp.lastAccepted, null);
    const raw = connect((tcp.address as { port: number }).port, '127.0.0.1');
    t.after(() => raw.destroy());
    const server = await tcp.accept();
    t.after(() => server.close());
    assert.deepEqual(tcp.lastAccepted, { host: '127.0.0.1', port: raw.localPort });
    const { listener } = await connected(t);
    assert.equal(listener.lastAccepted, '');
    assert.deepEqual(listener.stats(), { accepted: 1, refused: 0, pending: 0 });
  }),
);

test(
  'a socket file: in a folder of its own, for this user only, gone after close()  [L-01] [L-03] [L-09] [fault 67]',
  clean(async (t) => {
    const mask = process.umask(0);
    t.after(() => process.umask(mask));
    const listener = await listening(t);
    const path = listener.address as string;
    assert.equal(lstatSync(path).mode & 0o777, 0o600);
    assert.equal(lstatSync(dirname(path)).mode & 0o777, 0o700);
    assert.equal(dirname(dirname(path)), tmpdir());
    listener.close();
    assert.equal(existsSync(dirname(path)), false);
  }),
);

test(
  'nothing is removed that the listener did not make  [fault 68]',
  clean(async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'multiproc-test-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'socket');
    writeFileSync(path, 'a file of the user');
    const refused = new Listener({ address: path });
    await assert.rejects(refused.listen(), (error) => error instanceof SystemError && error.code === 'EADDRINUSE');
    refused.close();
    assert.equal(existsSync(path), true);
    rmSync(path);
    const listener = await listening(t, { address: path });
    rmSync(path);
    writeFileSync(path, 'another file of the user');
    listener.close();
    assert.equal(existsSync(path), true);
  }),
);

test(
  'a path that the kernel would cut off is refused before anything is made  [fault 69]',
  clean(async () => {
    const long = `/tmp/${'x'.repeat(103)}`;
    for (const refused of [() => new Listener({ address: long }), () => ClientSync(long)]) {
      assert.throws(
        refused,
        (error) =>
          error instanceof SystemError && error.code === 'ENAMETOOLONG' && /at most 107 bytes, received 108/.test(error.message),
      );
    }
    await assert.rejects(Client(long), /ENAMETOOLONG|at most 107 bytes/);
    const limit = `/tmp/multiproc-${'x'.repeat(107 - '/tmp/multiproc-'.length)}`;
    const listener = await new Listener({ address: limit }).listen();
    assert.equal(existsSync(limit), true);
    listener.close();
  }),
);

test(
  'a name in no folder can be listened at where the user asks for it  [_TestListener.test_abstract_socket]',
  clean(async (t) => {
    const { listener, client, server } = await connected<number>(t, { address: `\0multiproc-test-${process.pid}` });
    await client.send(1729);
    assert.equal(await server.recv(), 1729);
    assert.equal((listener.address as string)[0], '\0');
    listener.close();
    await assert.rejects(listener.accept(), ClosedError);
  }),
);

test('addresses and options that are none throw  [TestInvalidFamily.test_invalid_family] [TestInvalidFamily.test_invalid_family_win32] [L-01]', async () => {
  assert.throws(() => new Listener({ address: '\\\\.\\pipe\\test' }), /named pipes are those of Windows/);
  for (const options of [null, 5, '/tmp/x']) {
    assert.throws(() => new Listener(options as never), /Cannot listen: the options must be an object/);
    await assert.rejects(Client('/tmp/x', options as never), /Cannot connect: the options must be an object/);
  }
  assert.throws(() => new Listener({ address: '' }), TypeError);
  assert.throws(() => new Listener({ address: 5 as never }), TypeError);
  assert.throws(() => new Listener({ address: '/tmp/a\0b' }), TypeError);
  assert.throws(() => new Listener({ address: { host: 5 as never } }), TypeError);
  assert.throws(() => new Listener({ address: { port: '80' as never } }), TypeError);
  for (const port of [-1, 65_536, 1.5, Number.NaN]) assert.throws(() => new Listener({ address: { port } }), RangeError);
  assert.throws(() => new Listener({ authKey: 'text' as never }), /authKey must be a Uint8Array/);
  assert.throws(() => new Listener({ backlog: 0 }), RangeError);
  assert.throws(() => new Listener({ backlog: '1' as never }), TypeError);
  assert.throws(() => new Listener({ legacyAuth: 1 as never }), TypeError);
  assert.throws(() => new Listener({ onRefused: 1 as never }), TypeError);
  assert.throws(() => new Listener({ maxMessageBytes: -1 }), RangeError);
  await assert.rejects(Client('\\\\.\\test'), TypeError);
  await assert.rejects(Client(5 as never), TypeError);
  await assert.rejects(Client({ host: 'localhost' } as never), TypeError);
  await assert.rejects(Client({ host: 'localhost', port: 0 }), RangeError);
  await assert.rejects(Client('/tmp/x', { timeout: 'soon' as never }), TypeError);
});

test(
  'a listener says so where the folder for temporary files is missing, and can be closed then  [L-01]',
  clean(async (t) => {
    const folder = process.env['TMPDIR'];
    t.after(() => {
      if (folder === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = folder;
    });
    process.env['TMPDIR'] = '/no such folder';
    const listener = new Listener();
    await assert.rejects(listener.listen(), {
      name: 'SystemError',
      code: 'ENOENT',
      message: 'Cannot listen in a new folder of /no such folder: no such file or directory (ENOENT from mkdtemp)',
    });
    listener.close();
  }),
);

test(
  'before listen(): InvalidStateError; listen() once  [L-04]',
  clean(async (t) => {
    const listener = new Listener();
    assert.throws(() => listener.address, InvalidStateError);
    await assert.rejects(listener.accept(), InvalidStateError);
    t.after(() => listener.close());
    await listener.listen();
    await assert.rejects(listener.listen(), InvalidStateError);
    const unused = new Listener();
    unused.close();
    await assert.rejects(unused.accept(), ClosedError);
  }),
);

test(
  'Client(): nobody there, no such host, no answer in time, given up  [L-06]',
  clean(async (t) => {
    const nobody = await freeAddress();
    await assert.rejects(Client(nobody), (error) => error instanceof SystemError && error.code === 'ECONNREFUSED');
    assert.throws(
      () => ClientSync(nobody),
      (error) => error instanceof SystemError && error.code === 'ECONNREFUSED',
    );
    await assert.rejects(Client('/tmp/no such socket'), (error) => error instanceof SystemError && error.code === 'ENOENT');
    await assert.rejects(
      Client({ host: 'no-such-host.invalid', port: 1 }),
      (error) => error instanceof SystemError && error.syscall === 'getaddrinfo',
    );
    assert.throws(() => ClientSync({ host: 'no-such-host.invalid', port: 1 }), /use Client\(\)/);
    const silent = await listening(t, {}); // has no key, so it does not begin a dialog
    await assert.rejects(Client(silent.address, { authKey: Buffer.from('key'), timeout: 20 }), TimeoutError);
    assert.throws(() => ClientSync(silent.address, { authKey: Buffer.from('key'), timeout: 20 }), TimeoutError);
    const signal = AbortSignal.timeout(20);
    await assert.rejects(Client(silent.address, { authKey: Buffer.from('key'), signal }), /timeout|aborted/i);
    const localhost = await listening(t, { address: { host: 'localhost' } });
    const client = await Client({ host: 'localhost', port: (localhost.address as { port: number }).port });
    client.close();
  }),
);

test(
  'Client() waits for a listener that has too many waiting',
  clean(async (t) => {
    const listener = await listening(t, { backlog: 1 });
    const clients = Array.from({ length: 6 }, () => Client<number>(listener.address));
    for (let i = 0; i < clients.length; i++) {
      const server = await listener.accept<number>();
      await server.send(i);
      server.close();
    }
    for (const client of await Promise.all(clients)) {
      assert.equal(typeof (await client.recv()), 'number');
      client.close();
    }
  }),
);

test(
  'a connection that nobody refers to any more is closed  [C-09]',
  clean(async (t) => {
    const listener = await listening(t);
    const connect = async () => void (await Client(listener.address));
    await connect();
    const server = await listener.accept();
    t.after(() => server.close());
    const collect = (globalThis as { gc?: () => void }).gc ?? (await forcedCollector());
    const end = server.poll(20_000);
    const timer = setInterval(collect, 20);
    t.after(() => clearInterval(timer));
    assert.equal(await end, true);
    await assert.rejects(server.recv(), ChannelClosedError);
  }),
);

async function forcedCollector(): Promise<() => void> {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
