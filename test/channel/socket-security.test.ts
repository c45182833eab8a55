/**
 * What comes over a socket is data: whatever a client sends, nothing is evaluated or imported, and no shared memory touched.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import {
  Client,
  Connection,
  DeserializationError,
  Listener,
  type ListenerOptions,
  Lock,
  Pipe,
  Queue,
  SerializationError,
  Value,
} from '#src/index.js';
import { frameHeader, HEADER_MAX } from '#src/channel/frame-reader.js';
import { joinAsMember } from '#src/sharing/member.js';
import type { SocketHandle } from '#src/substrate/socket-handle.js';
import { encodeCall, encodeValue } from '#src/wire/codec.js';
import { FIX_MAX, TAG } from '#src/wire/tags.js';
import * as library from '#src/index.js';
import { leavesNothing } from '../support/census.js';
import { KEY, type Library, openAndClose } from './socket-support.js';

const warmUp = () => openAndClose(library as unknown as Library);
const clean = (body: (t: TestContext) => Promise<void>) => leavesNothing(body, { warmUp });

class Account {
  balance = 1;
}

test(
  'what is no data is refused where it is sent, with its path, and nothing is sent  [fault 62]',
  clean(async (t) => {
    const { client, server } = await connected(t, { address: { port: 0 } });
    const local = await connected(t);
    const lock = new Lock();
    const queue = new Queue();
    const [one, other] = Pipe();
    const shared: unknown[] = [lock, queue, one, new Value('i', 1)];
    const refused: unknown[] = [
      () => 1,
      Math.max,
      class {},
      Account,
      new Account(),
      new (class extends Error {
        own = () => 1;
      })('with a function'),
      /(a+)+$/,
      // oxlint-disable-next-line no-sparse-arrays -- it is what is refused
      [1, , 2],
      new Promise(() => {}),
      Symbol('s'),
      nested(300),
    ];
    const isRefused = (over: typeof client, value: unknown) =>
      assert.rejects(
        over.send({ deep: [value] }),
        (error) => error instanceof SerializationError && error.path.startsWith('value.deep[0]'),
        String(value),
      );
    for (const value of [...refused, ...shared]) await isRefused(client, value);
    for (const value of refused) await isRefused(local.client, value); // within one family, where shared objects go
    assert.throws(() => client.sendSync(lock), SerializationError);
    await client.send('data');
    assert.equal(await server.recv(), 'data');
    for (const each of [queue, one, other]) each.close();
  }),
);

test(
  'data of every kind arrives: also errors, as the class that both ends know',
  clean(async (t) => {
    const { client, server } = await connected(t);
    const bare = Object.assign(Object.create(null) as object, { bare: true });
    const values = [
      undefined,
      null,
      -0,
      1e300,
      10n ** 40n,
      'ü€😀',
      [[]],
      bare,
      new Map([[{}, new Set([1])]]),
      new Uint16Array([1, 2]),
      new URL('http://x/'),
    ];
    for (const value of values) {
      await client.send(value);
      assert.deepEqual(await server.recv(), value);
    }
    await client.send(new RangeError('too far', { cause: new TypeError('inner') }));
    const error = (await server.recv()) as Error;
    assert.ok(error instanceof RangeError && error.cause instanceof TypeError);
    await client.send(JSON.parse('{"__proto__": {"polluted": true}}'));
    assert.equal(Object.getPrototypeOf(await server.recv()), Object.prototype);
    assert.equal('polluted' in {}, false);
  }),
);

test(
  'a listener cannot be made to evaluate, import or open anything by bytes that were made to  [fault 62] [fault 71]',
  clean(async (t) => {
    joinAsMember(); // this process knows how to read all of it, from its own family
    const folder = mkdtempSync(join(tmpdir(), 'multiproc-security-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const module = join(folder, 'evil.mjs');
    const trace = join(folder, 'trace');
    writeFileSync(
      module,
      `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(trace)}, ''); export const f = () => 1; export class C {}`,
    );
    const lock = new Lock();
    const evaluated: string[] = [];
    Reflect.set(globalThis, 'evaluated', evaluated);
    t.after(() => void Reflect.deleteProperty(globalThis, 'evaluated'));
    const source = () => void (Reflect.get(globalThis, 'evaluated') as string[]).push('evaluated');
    const hostile = [
      ...[source, lock, Account, new Account(), [lock], { a: source }].map((value) => bytesOf(encodeValue(value, 'value'))),
      bytesOf(encodeCall(source, [1])),
      ...Array.from({ length: 64 }, (_, tag) => Buffer.from([0, TAG.EXTENSION, tag, 1, 1, 0, 0, 0, 0])),
      Buffer.concat([Buffer.from([0, TAG.EXTENSION, 0]), text(pathToFileURL(module).href), text('f')]),
      Buffer.concat([Buffer.from([0, TAG.REGEXP]), text('(a+)+$'), text('')]),
      Buffer.from([0, TAG.ARRAY, 0xff, 0xff, 0xff, 0xff, 0x0f, TAG.HOLES, 0xff, 0xff, 0xff, 0xff, 0x0f]),
      Buffer.concat([Buffer.from([0]), Buffer.alloc(300, TAG.SET), Buffer.from([1])]),
      Buffer.from([]),
      Buffer.alloc(100, 0xff),
    ];
    const { client, server } = await connected(t);
    const channel = Reflect.get(Connection.transportOf(client), 'channel') as SocketHandle;
    for (const message of hostile) {
      write(channel, message);
      await assert.rejects(server.recv(), DeserializationError, message.toString('hex'));
      write(channel, message);
      assert.throws(() => server.recvSync(), DeserializationError);
    }
    await client.send('still there');
    assert.equal(await server.recv(), 'still there');
    assert.deepEqual(evaluated, []);
    assert.equal(existsSync(trace), false);
    assert.equal(lock.locked(), false);
  }),
);

/** As that of `socket-support.ts`, with the classes that this test looks into. */
async function connected(t: TestContext, options: ListenerOptions = {}): Promise<{ client: Connection; server: Connection }> {
  const listener = await new Listener({ authKey: KEY, ...options }).listen();
  const [client, server] = await Promise.all([Client(listener.address, { authKey: KEY }), listener.accept()]);
  t.after(() => {
    for (const each of [client, server, listener]) each.close();
  });
  return { client, server };
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

function bytesOf({ buffer, start, end }: { buffer: Uint8Array; start: number; end: number }): Buffer {
  return Buffer.from(buffer.subarray(start, end));
}

/** A short text as the codec has it. */
function text(value: string): Buffer {
  assert.ok(value.length <= 127);
  return value.length <= FIX_MAX
    ? Buffer.concat([Buffer.from([0x40 | value.length]), Buffer.from(value)])
    : Buffer.concat([Buffer.from([TAG.STRING_LATIN1, value.length]), Buffer.from(value)]);
}

/** Sends bytes as if they were a value. */
function write(channel: SocketHandle, message: Uint8Array): void {
  const framed = new Uint8Array(HEADER_MAX + message.length);
  framed.set(message, HEADER_MAX);
  const start = frameHeader(framed, HEADER_MAX, message.length, true);
  assert.equal(channel.write(framed, start, framed.length - start, false), framed.length - start);
}
