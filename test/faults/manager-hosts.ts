/**
 * A manager and its client on two hosts: two network namespaces with a wire between them. The server holds a lock of a
 * client whose host loses its power; the client's calls end when the server's host does.
 *
 * `node dist-test/faults/manager-hosts.js`; needs root and `ip`, and says so where it has not.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Creator, type DictProxy, type ListProxy, type LockProxy, SyncManager } from 'multiproc';

const KEY = Buffer.from('both hosts have this key, nobody else');
const SELF = fileURLToPath(import.meta.url);
const HOST = '10.203.0.1';
const OTHER = '10.203.0.2';

/** Why it cannot run here; undefined: it can. */
export function whyNotHosts(): string | undefined {
  if (process.getuid?.() !== 0) return 'making network namespaces needs root';
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'there is no ip command that knows network namespaces';
  }
}

/** Runs all of it. @param waitForSilence Also waits until a host that says nothing any more counts as gone: half a minute. */
export async function testHosts(waitForSilence: boolean): Promise<string[]> {
  const [a, b] = [`mpa${process.pid}`, `mpb${process.pid}`];
  const done: string[] = [];
  const running: ChildProcess[] = [];
  try {
    connectHosts(a, b);
    const server = program(a, 'server');
    const { port } = (await answerOf(server)) as { port: number };
    const holder = program(b, 'holder', port);
    running.push(server.child, holder.child);
    assert.deepEqual(await answerOf(holder), { held: true });
    done.push('a client on another host has a dict of lists, and a lock');
    const refused = program(b, 'stranger', port);
    running.push(refused.child);
    assert.deepEqual(await answerOf(refused), { error: 'AuthenticationError' });
    done.push('a client with another key is refused');
    if (!waitForSilence) {
      holder.child.kill('SIGKILL');
      assert.deepEqual(await ask(server, 'lock'), { error: 'LockOwnerDiedError' });
      done.push('the death of the client poisons its lock');
      return done;
    }
    const waiting = answerOf(holder);
    ip('netns', 'exec', b, 'ip', 'link', 'set', 'mpwire', 'down'); // as if it had lost its power
    assert.deepEqual(await ask(server, 'lock'), { error: 'LockOwnerDiedError' });
    done.push('a host that is gone without a word counts as dead: its lock is poisoned');
    assert.deepEqual(await waiting, { error: 'ManagerDiedError' });
    done.push('and the calls of its client end');
    return done;
  } finally {
    for (const child of running) child.kill('SIGKILL');
    for (const name of [a, b]) ipIfThere('netns', 'del', name);
  }
}

function connectHosts(a: string, b: string): void {
  for (const name of [a, b]) ip('netns', 'add', name);
  ip('link', 'add', 'mpwire', 'netns', a, 'type', 'veth', 'peer', 'name', 'mpwire', 'netns', b);
  for (const [name, address] of [
    [a, HOST],
    [b, OTHER],
  ] as const) {
    ip('netns', 'exec', name, 'ip', 'address', 'add', `${address}/24`, 'dev', 'mpwire');
    for (const device of ['lo', 'mpwire']) ip('netns', 'exec', name, 'ip', 'link', 'set', device, 'up');
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function ipIfThere(...args: string[]): void {
  try {
    ip(...args);
  } catch {
    // It was never made.
  }
}

interface Program {
  readonly child: ChildProcess;
  readonly lines: AsyncIterator<string>;
}

/** A program on one of the hosts: it answers in lines. */
function program(host: string, role: string, port = 0): Program {
  const child = spawn('ip', ['netns', 'exec', host, process.execPath, SELF, role, String(port)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

async function answerOf({ lines }: Program): Promise<unknown> {
  const next = await lines.next();
  return next.done === true ? { ended: true } : JSON.parse(next.value);
}

async function ask(to: Program, what: string): Promise<unknown> {
  to.child.stdin?.write(`${what}\n`);
  return answerOf(to);
}

const say = (answer: unknown): void => console.log(JSON.stringify(answer));
const nameOf = (error: unknown): unknown => ({ error: (error as Error).name });

/** What the clients of one server leave for one another. */
class Board {
  static readonly only: Board = new Board();
  readonly things: Map<string, unknown> = new Map();
  pin(name: string, thing: unknown): void {
    this.things.set(name, thing);
  }
  look(name: string): unknown {
    return this.things.get(name);
  }
}
class Hosts extends SyncManager {
  declare board: Creator<typeof Board>;
}
Hosts.register('board', () => Board.only);

const ROLES: Record<string, (port: number) => Promise<void>> = {
  /** Starts the manager, and tries the lock that a client left whenever it is told to. */
  async server() {
    const manager = await new Hosts({ address: { host: HOST }, authKey: KEY }).start();
    const board = await manager.board();
    say(manager.address);
    for await (const _line of createInterface({ input: process.stdin })) {
      const lock = (await board.look('lock')) as LockProxy;
      await lock.acquire().then(
        () => say({ acquired: true }),
        (error: unknown) => say(nameOf(error)),
      );
    }
  },
  /** Takes a lock, and waits for what never comes. */
  async holder(port) {
    const manager = await new Hosts({ address: { host: HOST, port }, authKey: KEY }).connect();
    const [board, list] = [await manager.board(), await manager.list([1])];
    await board.pin('dict', await manager.dict({ list }));
    await list.push(2);
    const dict = (await board.look('dict')) as DictProxy<string, ListProxy<number>>;
    assert.deepEqual(await (await dict.get('list'))?.toArray(), [1, 2]);
    const lock = await manager.Lock();
    await board.pin('lock', lock);
    await lock.acquire();
    const never = (await manager.Event()).wait();
    say({ held: true });
    await never.catch((error: unknown) => say(nameOf(error)));
  },
  async stranger(port) {
    const manager = new Hosts({ address: { host: HOST, port }, authKey: Buffer.alloc(32) });
    await manager.connect().then(
      () => say({ connected: true }),
      (error: unknown) => say(nameOf(error)),
    );
  },
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , role = '', port = ''] = process.argv;
  const missing = whyNotHosts();
  if (role in ROLES) await ROLES[role]?.(Number(port));
  else if (missing !== undefined) console.log(`Skipped: ${missing}.`);
  else for (const line of await testHosts(true)) console.log(`✔ ${line}`);
}
