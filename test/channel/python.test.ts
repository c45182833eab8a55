/**
 * Talking with Python's multiprocessing.connection: the machine's python3, and for the dialog of Python ≥ 3.12 where that one
 * is older, a script that does this dialog over its connections.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { type Address, AuthenticationError, Client, DeserializationError, SerializationError, TimeoutError } from 'multiproc';
import { withDeadline } from '../support/deadline.js';
import { clean, freeAddress, KEY, listening } from './socket-support.js';

const VERSION = pythonVersion();
const skip = VERSION === undefined ? 'there is no python3 on this machine' : false;
/** Whether the machine's Python proves keys with HMAC-MD5 only. */
const isLegacy = VERSION !== undefined && VERSION < 3.12;
const MODERN = isLegacy ? `a script that does the dialog of Python 3.12, on Python ${VERSION}` : `Python ${VERSION}`;
const MACHINE = `Python ${VERSION ?? 'not installed'}`;

/** `address`, `key` and `connect`/`listen` for scripts; `modern` does the dialog of 3.12 on older ones. */
const PRELUDE = `
import hashlib, hmac, os, sys
from multiprocessing.connection import Client, Listener
address = sys.argv[1] if len(sys.argv[2]) == 0 else (sys.argv[1], int(sys.argv[2]))
key = bytes.fromhex(sys.argv[3]) or None
def prove(c):
    challenge = c.recv_bytes(256)
    assert challenge.startswith(b'#CHALLENGE#{sha256}'), challenge
    message = challenge[len(b'#CHALLENGE#'):]
    c.send_bytes(b'{sha256}' + hmac.new(key, message, 'sha256').digest())
    verdict = c.recv_bytes(256)
    if verdict != b'#WELCOME#': raise RuntimeError('rejected: %r' % verdict)
def demand(c):
    message = b'{sha256}' + os.urandom(40)
    c.send_bytes(b'#CHALLENGE#' + message)
    if hmac.compare_digest(c.recv_bytes(256), b'{sha256}' + hmac.new(key, message, 'sha256').digest()):
        c.send_bytes(b'#WELCOME#')
    else:
        c.send_bytes(b'#FAILURE#')
        raise RuntimeError('the other end does not have the key')
def modern_client():
    if sys.version_info >= (3, 12): return Client(address, authkey=key)
    c = Client(address); prove(c); demand(c)
    return c
def modern_accept(listener):
    c = listener.accept()
    if sys.version_info < (3, 12): demand(c); prove(c)
    return c
def modern_listener(): return Listener(address, authkey=key if sys.version_info >= (3, 12) else None)
def say(text): print(text, flush=True)
`;
const ECHO = `
try:
    while True: c.send_bytes(c.recv_bytes())
except EOFError: say('end')
`;

test(
  `${MACHINE} as client: bytes both ways, of any size  [C-13]`,
  { skip },
  clean(async (t) => {
    for (const options of [{}, { address: {} }]) {
      const listener = await listening(t, options);
      const python = run(t, `c = Client(address)${ECHO}`, listener.address);
      const server = await listener.accept(30_000);
      for (const size of [0, 1, 16_384, 16_385, 100_000, 3_000_000]) {
        const bytes = Buffer.alloc(size, 7);
        const [, back] = await Promise.all([server.sendBytes(bytes), server.recvBytes()]);
        assert.ok(bytes.equals(back), `${size} bytes`);
      }
      server.close();
      assert.deepEqual(await python, { code: 0, lines: ['end'] });
      listener.close();
    }
  }),
);

test(
  `${MACHINE} as listener: bytes both ways; its pickled values are bytes here`,
  { skip },
  clean(async (t) => {
    for (const address of [await freeAddress(), pathFor(t)]) {
      const started = await start(t, `l = Listener(address); say('ready'); c = l.accept(); c.send({'a': 1})${ECHO}`, address);
      const client = await Client(address);
      await assert.rejects(client.recv(), DeserializationError);
      await client.sendBytes(Buffer.from('hello'));
      assert.equal(Buffer.from(await client.recvBytes()).toString(), 'hello');
      client.close();
      assert.equal((await started.end).code, 0);
    }
  }),
);

test(
  `${MACHINE} with a key, both roles: needs ${isLegacy ? 'legacyAuth' : 'nothing more'}  [L-07]`,
  { skip },
  clean(async (t) => {
    const legacyAuth = isLegacy;
    const listener = await listening(t, { address: {}, authKey: KEY, legacyAuth });
    const python = run(t, `c = Client(address, authkey=key); c.send_bytes(b'in')${ECHO}`, listener.address);
    const server = await listener.accept(30_000);
    assert.equal(Buffer.from(await server.recvBytes()).toString(), 'in');
    await assert.rejects(
      server.send('a value'),
      (error) => error instanceof SerializationError && /Python.*sendBytes/.test(error.message),
    );
    server.close();
    assert.equal((await python).code, 0);

    const address = pathFor(t);
    const started = await start(t, `l = Listener(address, authkey=key); say('ready'); c = l.accept()${ECHO}`, address);
    const client = await Client(address, { authKey: KEY, legacyAuth });
    await client.sendBytes(Buffer.from('proved'));
    assert.equal(Buffer.from(await client.recvBytes()).toString(), 'proved');
    await assert.rejects(client.send('a value'), SerializationError);
    client.close();
    assert.equal((await started.end).code, 0);
  }),
);

test(
  `${MACHINE} with HMAC-MD5 and without legacyAuth is refused, and says nothing that was made with the key`,
  { skip: skip || (!isLegacy && 'this Python proves its key with HMAC-SHA256') },
  clean(async (t) => {
    const refused: Error[] = [];
    const listener = await listening(t, { authKey: KEY, onRefused: (reason) => refused.push(reason) });
    const { code, lines } = await run(t, REPORTS_REFUSAL, listener.address);
    assert.deepEqual({ code, lines }, { code: 0, lines: ['AuthenticationError digest sent was rejected'] });
    assert.match(refused[0]?.message ?? '', /HMAC-MD5.*legacyAuth: true/);

    const address = pathFor(t);
    const started = await start(
      t,
      `l = Listener(address, authkey=key); say('ready')\ntry: l.accept()\nexcept EOFError: say('the client went')`,
      address,
    );
    await assert.rejects(
      Client(address, { authKey: KEY }),
      (error) => error instanceof AuthenticationError && /legacyAuth: true/.test(error.message),
    );
    assert.deepEqual(await started.end, { code: 0, lines: ['the client went'] });
  }),
);

test(
  `${MACHINE} with another key is refused, both roles`,
  { skip },
  clean(async (t) => {
    const listener = await listening(t, { authKey: Buffer.from('ours'), legacyAuth: true });
    const accepting = listener.accept(30_000);
    assert.deepEqual(await run(t, REPORTS_REFUSAL, listener.address), {
      code: 0,
      lines: ['AuthenticationError digest sent was rejected'],
    });
    const client = await Client(listener.address, { authKey: Buffer.from('ours') });
    (await accepting).close();
    client.close();

    const address = pathFor(t);
    const script = `from multiprocessing import AuthenticationError
l = Listener(address, authkey=key); say('ready')
try: l.accept()
except AuthenticationError as e: say(e)`;
    const started = await start(t, script, address);
    await assert.rejects(Client(address, { authKey: Buffer.from('ours'), legacyAuth: true }), /has another key/);
    assert.equal((await started.end).code, 0);
  }),
);

test(
  `${MODERN}, both roles: HMAC-SHA256 without any option  [L-07]`,
  { skip },
  clean(async (t) => {
    const listener = await listening(t, { authKey: KEY });
    const python = run(t, `c = modern_client(); c.send_bytes(b'in')${ECHO}`, listener.address);
    const server = await listener.accept(30_000);
    assert.equal(Buffer.from(await server.recvBytes()).toString(), 'in');
    await server.sendBytes(Buffer.from('out'));
    assert.equal(Buffer.from(await server.recvBytes()).toString(), 'out');
    server.close();
    assert.deepEqual(await python, { code: 0, lines: ['end'] });

    const address = await freeAddress();
    const started = await start(t, `l = modern_listener(); say('ready'); c = modern_accept(l)${ECHO}`, address);
    const client = await Client(address, { authKey: KEY });
    await client.sendBytes(Buffer.from('proved'));
    assert.equal(Buffer.from(await client.recvBytes()).toString(), 'proved');
    client.close();
    assert.equal((await started.end).code, 0);
  }),
);

test(
  `${MODERN} with another key is refused, both roles`,
  { skip },
  clean(async (t) => {
    const listener = await listening(t, { authKey: Buffer.from('ours') });
    const refused = await run(t, `try: modern_client()\nexcept Exception as e: say(e)`, listener.address);
    assert.equal(refused.code, 0);
    assert.match(refused.lines[0] ?? '', /rejected/);
    assert.equal(listener.stats().refused, 1);

    const address = pathFor(t);
    const started = await start(
      t,
      `l = modern_listener(); say('ready')\ntry: modern_accept(l)\nexcept Exception as e: say(e)`,
      address,
    );
    await assert.rejects(Client(address, { authKey: Buffer.from('ours') }), /has another key/);
    assert.equal((await started.end).code, 0);
  }),
);

test(
  `a client that waits for ${MACHINE} to accept waits as long as it is told to`,
  { skip },
  clean(async (t) => {
    const address = pathFor(t);
    const started = await start(t, `l = Listener(address, authkey=key); say('ready'); sys.stdin.read()`, address);
    await assert.rejects(Client(address, { authKey: KEY, legacyAuth: true, timeout: 50 }), TimeoutError);
    started.process.stdin?.end();
    assert.equal((await started.end).code, 0);
  }),
);

const REPORTS_REFUSAL = `
from multiprocessing import AuthenticationError
try: Client(address, authkey=key)
except AuthenticationError as e: say('AuthenticationError %s' % e)`;

function pythonVersion(): number | undefined {
  const { status, stdout } = spawnSync('python3', ['-c', 'import sys; print("%d.%02d" % sys.version_info[:2])'], {
    encoding: 'utf8',
  });
  return status === 0 ? Number(stdout) : undefined;
}

interface Ended {
  readonly code: number | null;
  readonly lines: string[];
}

/** Runs a script to its end. */
async function run(t: TestContext, script: string, address: Address): Promise<Ended> {
  return launch(t, script, address).end;
}

/** Starts a script, which says `ready` when it listens. */
async function start(t: TestContext, script: string, address: Address): Promise<{ process: ChildProcess; end: Promise<Ended> }> {
  const { process, end, lines, said } = launch(t, script, address);
  await withDeadline(Promise.race([said, end]), 30_000, 'the script of Python to be ready');
  assert.equal(lines.shift(), 'ready');
  return { process, end };
}

function launch(t: TestContext, script: string, address: Address) {
  const [place, port] = typeof address === 'string' ? [address, ''] : [address.host, String(address.port)];
  const process = spawn('python3', ['-c', PRELUDE + script, place, port, Buffer.from(KEY).toString('hex')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const reader = createInterface(process.stdout);
  reader.on('line', (line) => lines.push(line));
  const said = once(reader, 'line');
  const end = withDeadline(once(process, 'close'), 60_000, 'the end of the script of Python').then(
    ([code]): Ended => ({ code: code as number | null, lines }),
  );
  t.after(async () => {
    process.kill('SIGKILL');
    await end;
  });
  return { process, end, lines, said };
}

function pathFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'multiproc-python-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'socket');
}
