/**
 * Whatever comes to a manager's address, from strangers and from clients that have the key: nobody else is disturbed.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChannelClosedError, Client, type Connection, SyncManager } from 'multiproc';
import { joinAsSender } from '#src/process/family.js';
import { decodeValue, encodeCall, encodeValue } from '#src/wire/codec.js';
import { BATCH } from '#src/proxies/protocol.js';
import { TAG } from '#src/wire/tags.js';
import { fuzzManager } from '../fuzz/manager-fuzz.js';
import { KEY, ended } from '../channel/socket-support.js';
import { withDeadline } from '../support/deadline.js';
import { clean, connectedTo, serving } from './remote-support.js';

const LONG_MS = 30_000;
joinAsSender(); // this process can write all that a member of a family can

test(
  'strangers with garbage, HTTP, huge lengths, or nothing to say learn nothing and disturb nobody  [fault 62] [fault 65]',
  clean(async (t) => {
    const server = await serving(t);
    const manager = await connectedTo(t, server);
    const dict = await manager.dict<string, number>();
    const silent = await Promise.all(Array.from({ length: 20 }, () => rawClient(t, server)));
    const texts = [
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      Buffer.from([0x7f, 0xff, 0xff, 0xff]),
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
      Buffer.alloc(100_000, 0x80),
      Buffer.from([0, 0, 0, 4, 1, 2, 3, 4]),
    ];
    for (const text of texts) {
      const raw = await rawClient(t, server);
      let received = 0;
      raw.on('data', (bytes: Buffer) => (received += bytes.length));
      raw.on('error', () => {});
      raw.write(text);
      await ended(raw);
      assert.ok(received <= 256, `it was told ${received} bytes`);
      await dict.update([['alive', 1]]);
    }
    assert.equal(await dict.get('alive'), 1);
    assert.equal(await (await connectedTo(t, server)).numberOfObjects(), 1);
    for (const raw of silent) raw.destroy();
  }),
);

test(
  'what an honest client said cannot be said again by another one  [fault 64]',
  clean(async (t) => {
    const server = await serving(t);
    const { port } = server.address as { port: number };
    const said: Buffer[] = [];
    const relay = createServer((incoming) => {
      const outgoing = connect(port, '127.0.0.1');
      incoming.on('data', (bytes: Buffer) => void said.push(bytes));
      incoming.on('error', () => {});
      outgoing.on('error', () => {});
      incoming.pipe(outgoing).pipe(incoming);
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
    const honest = await new SyncManager({ address: { port: (relay.address() as AddressInfo).port }, authKey: KEY }).connect();
    await honest.dict([['a', 1]]);
    honest.disconnect();
    const released = async () => {
      while ((await server.numberOfObjects()) > 0) await sleep(5);
    };
    await withDeadline(released(), LONG_MS, 'the end of the honest client');
    const raw = await rawClient(t, server);
    raw.on('error', () => {});
    for (const bytes of said) raw.write(bytes);
    await ended(raw);
    assert.equal(await server.numberOfObjects(), 0);
    await new Promise((resolve) => relay.close(resolve));
  }),
);

test(
  'a client that has the key and breaks the rules is disconnected; nothing of it is evaluated  [fault 61] [fault 66]',
  clean(async (t) => {
    const server = await serving(t);
    const manager = await connectedTo(t, server);
    const dict = await manager.dict<string, number>([['kept', 1]]);
    const source = () => process.exit(7);
    const broken = [
      Buffer.alloc(0),
      Buffer.alloc(1000, 0xff),
      bytesOf(encodeValue(source, 'value')),
      bytesOf(encodeValue([1, 0, 'create', ['dict', [source]]], 'value')),
      bytesOf(encodeCall(source, [])),
      ...Array.from({ length: 64 }, (_, tag) => Buffer.from([0, TAG.EXTENSION, tag, 1, 1, 0, 0, 0, 0])),
      ...[
        'text',
        {},
        [],
        [1, 0, 'create'],
        [1, 0, 'create', [], []],
        [-1, 0, 'create', []],
        [1.5, 0, 'create', []],
        [1, '0', 'create', []],
        [1, 0, Symbol.iterator.toString().repeat(99), []],
        [1, 0, 7, []],
        [1, 0, 'create', { length: 1 }],
        [1, 0, 'create', new Uint8Array(), [new TextEncoder().encode('process.exit(7)')]],
      ].map((value) => bytesOf(encodeValue(value, 'value'))),
    ];
    for (const bytes of broken) {
      const hostile = await Client(server.address as { host: string; port: number }, { authKey: KEY });
      await hostile.sendBytes(bytes);
      await assert.rejects(withDeadline(readAll(hostile), LONG_MS, bytes.toString('hex')), ChannelClosedError);
      hostile.close();
    }
    assert.equal(await dict.get('kept'), 1);
    assert.equal(server.process?.exitCode, null);
  }),
);

test(
  'calls that reach for what is not registered fail, each by itself  [G-05] [G-14]',
  clean(async (t) => {
    const server = await serving(t);
    const hostile = await Client(server.address as { host: string; port: number }, { authKey: KEY });
    t.after(() => hostile.close());
    const ask = asker(hostile);
    const [, made] = (await ask(0, 'create', ['dict', []])) as [number, unknown, { object: number }];
    assert.equal(made, 0);
    const names = '__proto__ constructor prototype toString valueOf hasOwnProperty __defineGetter__ #private then';
    for (const method of [...names.split(' '), '#nothing', '', 'x'.repeat(256)]) {
      assert.equal((await ask(1, method, []))[1], 2, method);
      assert.equal((await ask(0, method, []))[1], 2, method);
      assert.equal((await ask(0, 'create', [method, []]))[1], 2, method);
    }
    for (const object of [2, 99, Number.MAX_SAFE_INTEGER]) assert.equal((await ask(object, 'get', ['k']))[1], 2);
    assert.equal((await ask(0, 'shutdown', []))[1], 2);
    assert.equal((await ask(0, 'create', ['dict', 'no list']))[1], 2);
    for (const [method, args] of [
      ['hold', ['x']],
      ['let go', [1, 1e9]],
      ['let go', [1, -1]],
      ['keep', [{}]],
      ['cancel', [{}]],
      ['ack', [null]],
      ['hello', [{}, 1e9, []]],
    ] as const)
      assert.equal((await ask(0, method, args))[1], 0, method);
    const dict = await server.dict<string, unknown>();
    await (await connectedTo(t, server)).numberOfObjects();
    await dict.set('__proto__', JSON.parse('{"__proto__": {"polluted": true}}'));
    assert.equal('polluted' in ((await dict.get('__proto__')) as object), false);
    assert.equal(server.process?.exitCode, null);
  }),
);

test(
  'a client that takes no answers is held up itself, and nobody else  [fault 65]',
  clean(async (t) => {
    const server = await serving(t);
    const manager = await connectedTo(t, server);
    const list = await manager.list<string>();
    const hostile = await Client(server.address as { host: string; port: number }, { authKey: KEY });
    t.after(() => hostile.close());
    const ask = asker(hostile);
    await ask(0, 'create', ['list', ['x'.repeat(1_000_000)]]);
    for (let call = 100; call < 400; call++) await hostile.sendBytes(bytesOf(encodeValue([call, 2, 'toArray', []], 'value')));
    for (let round = 0; round < 100; round++) await list.push('alive');
    assert.equal(await list.length(), 100);
    const rss = residentBytes(server.process?.pid);
    assert.ok(rss < 250 * 2 ** 20, `the server has ${rss} bytes`);
  }),
);

test(
  'inputs of every kind, most of them broken, into a server: it never throws, and goes on  [fault 61]',
  clean(async () => {
    const report = await fuzzManager(4000, 11);
    assert.deepEqual(report.failures, []);
    assert.ok(report.answered > 500, `${report.answered} calls were answered`);
  }),
);

async function rawClient(t: TestContext, server: SyncManager): Promise<Socket> {
  const { host, port } = server.address as { host: string; port: number };
  const raw = connect(port, host);
  t.after(() => raw.destroy());
  await once(raw, 'connect');
  return raw;
}

/** Calls by hand: gives the answers. */
function asker(connection: Connection): (object: number, method: string, args: readonly unknown[]) => Promise<unknown[]> {
  let calls = 0;
  return async (object, method, args) => {
    calls++;
    await connection.sendBytes(bytesOf(encodeValue([calls, object, method, args], 'value')));
    const bytes = await withDeadline(connection.recvBytes(), LONG_MS, `the answer to ${method}()`);
    const isProxy = bytes.includes(TAG.EXTENSION) && method === 'create' && bytes.length < 40;
    if (isProxy) return [calls, 0];
    const answer = decodeValue(bytes, 0, bytes.length) as unknown[];
    return answer[0] === BATCH ? answer.slice(1) : answer;
  };
}

function residentBytes(pid: number | undefined): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

async function readAll(connection: Connection): Promise<never> {
  for (;;) await connection.recvBytes();
}

function bytesOf({ buffer, start, end }: { buffer: Uint8Array; start: number; end: number }): Buffer {
  return Buffer.from(buffer.subarray(start, end));
}
