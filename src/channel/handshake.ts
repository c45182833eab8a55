/**
 * How two ends of a connection prove to each other that they have the same key, without saying it.
 *
 * Runs in every process. Here are the dialogs only, as generators of what to send and what to wait for; who drives them
 * moves the messages (`handshake-drivers.ts`). The listener speaks first:
 *
 * ```text
 * listener   #CHALLENGE# {sha256} nonce of the listener (40 bytes, of which 8 say that it is one of ours)
 * client     MP1 nonce of the client (32)  HMAC-SHA256(key, "MP1|client|" both nonces, what binds it to the stream)
 * listener   MP1 HMAC-SHA256(key, "MP1|server|" the same)                         or #FAILURE#
 * ```
 *
 * So far this is what Python's `multiprocessing.connection` sends, too; a client that is Python answers in its way
 * (`python-handshake.ts`), a listener that is Python lacks our eight bytes. The roles are part of what is signed and both
 * nonces are: neither an old answer nor one's own question can be sent back.
 */
import { Buffer } from 'node:buffer';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { AuthenticationError } from '../errors.js';
import {
  answerPython,
  challengePython,
  CHALLENGE,
  DIGEST_SHA256,
  FAILURE,
  startsWith,
  verifyPythonAnswer,
} from './python-handshake.js';

/** Send this message; or with `receive`, be resumed with the next one. */
export type Step = { readonly send: Uint8Array } | 'receive';

/** Who is at the other end. */
export type Peer = 'multiproc' | 'python';

/** A dialog: ends with who it was, or throws `AuthenticationError`. */
export type Dialog<R = Peer> = Generator<Step, R, Uint8Array>;

export interface HandshakeOptions {
  readonly authKey: Uint8Array;
  /** Ties the proof to a stream that nobody else can have, such as one of TLS. */
  readonly binding?: Uint8Array | undefined;
  /** Also Python up to 3.11, whose proof is HMAC-MD5. */
  readonly legacyAuth?: boolean | undefined;
}

/** The longest message of a dialog. */
export const DIALOG_MESSAGE_MAX = 256;

/** The listener's part. */
export function* listenerDialog(options: HandshakeOptions): Dialog {
  const nonce = Buffer.concat([OURS, randomBytes(NONCE_BYTES)]);
  const challenge = Buffer.concat([DIGEST_SHA256, nonce]);
  yield { send: Buffer.concat([CHALLENGE, challenge]) };
  const answer = yield 'receive';
  if (!startsWith(answer, MAGIC)) {
    yield* verifyPythonAnswer(options, challenge, answer);
    yield* answerPython(options);
    return 'python';
  }
  const clientNonce = answer.subarray(MAGIC.length, MAGIC.length + NONCE_BYTES);
  const proof = answer.subarray(MAGIC.length + NONCE_BYTES);
  if (!isSame(proof, proofOf('client', options, nonce, clientNonce))) {
    yield { send: FAILURE };
    throw new AuthenticationError('Cannot accept a connection: the client does not have the key');
  }
  yield { send: Buffer.concat([MAGIC, proofOf('server', options, nonce, clientNonce)]) };
  return 'multiproc';
}

/** The client's part. */
export function* clientDialog(options: HandshakeOptions): Dialog {
  const first = yield 'receive';
  const nonce = first.subarray(BEGINNING.length);
  if (!startsWith(first, BEGINNING) || !startsWith(nonce, OURS) || nonce.length !== OURS.length + NONCE_BYTES) {
    yield* answerPython(options, first);
    yield* challengePython(options);
    return 'python';
  }
  const clientNonce = randomBytes(NONCE_BYTES);
  yield { send: Buffer.concat([MAGIC, clientNonce, proofOf('client', options, nonce, clientNonce)]) };
  const verdict = yield 'receive';
  if (startsWith(verdict, FAILURE)) throw new AuthenticationError('Cannot connect: the listener has another key');
  if (!startsWith(verdict, MAGIC) || !isSame(verdict.subarray(MAGIC.length), proofOf('server', options, nonce, clientNonce)))
    throw new AuthenticationError('Cannot connect: the listener does not have the key');
  return 'multiproc';
}

function proofOf(role: 'client' | 'server', { authKey, binding }: HandshakeOptions, nonce: Uint8Array, clientNonce: Uint8Array) {
  return createHmac('sha256', authKey)
    .update(`MP1|${role}|`)
    .update(nonce)
    .update(clientNonce)
    .update(binding ?? NO_BINDING)
    .digest();
}

/** Takes the same time wherever they differ. */
export function isSame(given: Uint8Array, expected: Uint8Array): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const BEGINNING = Buffer.concat([CHALLENGE, DIGEST_SHA256]);
const NONCE_BYTES = 32;
/** At the beginning of the listener's nonce: the dialog may be ours. */
const OURS = Buffer.from('mp1:node');
const MAGIC = Buffer.from('MP1');
const NO_BINDING = new Uint8Array(0);
