/**
 * Proving keys over a connection that is there already, as Python's `multiprocessing.connection` does.
 *
 * Runs in every process. `Listener` and `Client` do it by themselves, in a better way with one another.
 */
import { AuthenticationError, MessageTooLargeError } from '../errors.js';
import { type Dialog, DIALOG_MESSAGE_MAX } from './handshake.js';
import { answerPython, challengePython, DIGESTS } from './python-handshake.js';

/** What of a connection it needs. */
export interface ByteConnection {
  sendBytes(bytes: Uint8Array): Promise<void>;
  recvBytes(maxLength?: number): Promise<Uint8Array>;
}

/**
 * Has the other end prove that it has the key; it must call `answerChallenge`, or be Python and do the same.
 *
 * @param digestName `sha256` (default), `sha384`, `sha3_256`, `sha3_384` or `md5`, as Python names them.
 * @throws {AuthenticationError} If it does not have it. {TypeError|RangeError} If key or digest are none.
 * @python `multiprocessing.connection.deliver_challenge`
 */
export async function deliverChallenge(connection: ByteConnection, authKey: Uint8Array, digestName = 'sha256'): Promise<void> {
  checkKey(authKey);
  if (!DIGESTS.has(digestName))
    throw new RangeError(
      `Cannot authenticate: the digest must be one of ${[...DIGESTS.keys()].join(', ')}, received ${digestName}`,
    );
  await run(challengePython({ authKey, legacyAuth: digestName === 'md5' }, digestName), connection);
}

/**
 * Proves to the other end, which must call `deliverChallenge`, that this one has the key.
 *
 * @param options.legacyAuth Also with HMAC-MD5, if the other end asks for that. Default false.
 * @throws {AuthenticationError} If it refuses the proof, or sends no challenge. {TypeError} If the key is none.
 * @python `multiprocessing.connection.answer_challenge`
 */
export async function answerChallenge(
  connection: ByteConnection,
  authKey: Uint8Array,
  { legacyAuth = false }: { legacyAuth?: boolean } = {},
): Promise<void> {
  checkKey(authKey);
  await run(answerPython({ authKey, legacyAuth }), connection);
}

async function run(dialog: Dialog<void>, connection: ByteConnection): Promise<void> {
  let step = dialog.next();
  while (step.done !== true) {
    if (step.value === 'receive') {
      step = dialog.next(await received(connection));
    } else {
      await connection.sendBytes(step.value.send);
      step = dialog.next(NOTHING);
    }
  }
}

async function received(connection: ByteConnection): Promise<Uint8Array> {
  try {
    return await connection.recvBytes(DIALOG_MESSAGE_MAX);
  } catch (cause) {
    if (!(cause instanceof MessageTooLargeError)) throw cause;
    throw new AuthenticationError('Cannot authenticate: the other end sent what belongs to no dialog about keys', { cause });
  }
}

function checkKey(authKey: unknown): void {
  if (!(authKey instanceof Uint8Array))
    throw new TypeError(`Cannot authenticate: authKey must be a Uint8Array, received ${typeof authKey}`);
}

const NOTHING = new Uint8Array(0);
