/**
 * Speaks TLS for a thread that may block: its bytes come and go over a pair of local sockets.
 *
 * Runs in a thread of its own (`tls-relay.ts` starts it), which has nothing of the library but this. The first message to
 * the other thread, framed as all are (`frame-reader.ts`), says what came of the handshake; then bytes go both ways, and
 * when either stream ends the other one does, behind what is on its way.
 *
 * `users` counts the connections that were asked for and have not ended; when there are none the thread ends.
 */
import { Buffer } from 'node:buffer';
import { Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { bindingOf, dialTls } from './tls-dial.js';
import { ENDED, REPLY_MAX, type RelayReply, type RelayRequest, TAKEN, UNTAKEN } from './tls-relay-protocol.js';

export function runTlsRelay(): void {
  const users = workerData as Int32Array;
  const ended = () => {
    const isLast = Atomics.sub(users, 0, 1) === 1 && Atomics.compareExchange(users, 0, 0, ENDED) === 0;
    Atomics.notify(users, 0);
    if (isLast) parentPort?.close();
  };
  parentPort?.on('message', (request: RelayRequest) => {
    if (Atomics.compareExchange(request.taken, 0, UNTAKEN, TAKEN) === UNTAKEN) void relay(request).then(ended);
    else ended();
  });
}

/** Resolves when both sockets are closed. Never rejects. */
async function relay({ remote, local, host, options, defaults }: RelayRequest): Promise<void> {
  const raw = new Socket({ fd: remote });
  const inner = new Socket({ fd: local, allowHalfOpen: true });
  for (const each of [raw, inner]) each.on('error', NOTHING);
  const closed = Promise.all([raw, inner].map((each) => new Promise((resolve) => each.once('close', resolve))));
  const giveUp = () => raw.destroy();
  inner.once('close', giveUp).once('end', giveUp).resume();
  try {
    Object.assign(process.getBuiltinModule('node:tls'), defaults);
    const { socket, secured } = dialTls(raw, host, options);
    await secured.catch((error: unknown) => {
      socket.on('error', NOTHING).destroy();
      throw error instanceof Error ? new Refusal(error) : error;
    });
    inner.off('close', giveUp).off('end', giveUp).pause();
    tell(inner, { binding: Buffer.from(bindingOf(socket)).toString('hex') });
    socket.on('error', NOTHING).once('close', () => {
      inner.end();
      inner.unpipe(socket);
      inner.resume(); // its end is still to be seen
    });
    inner.once('close', () => socket.destroySoon()).once('end', () => socket.destroySoon());
    inner.pipe(socket);
    socket.pipe(inner);
  } catch (error) {
    raw.destroy();
    const refused = error instanceof Refusal;
    const { message, code } = (refused ? error.cause : error) as Error & { code?: string };
    tell(inner, { refused, message: message.slice(0, REPLY_MAX / 8), code });
    inner.end();
  }
  await closed;
}

/** TLS failed, not what it was given. */
class Refusal {
  readonly cause: Error;

  constructor(cause: Error) {
    this.cause = cause;
  }
}

function tell(inner: Socket, reply: RelayReply): void {
  const text = Buffer.from(JSON.stringify(reply));
  const length = Buffer.alloc(4);
  length.writeInt32BE(text.length);
  inner.write(Buffer.concat([length, text]));
}

const NOTHING = (): void => undefined;
