/**
 * The proofs of Python's `multiprocessing.connection`: each end challenges the other, the listener first.
 *
 * Runs in every process. Python ≥ 3.12 names the digest in the challenge, `{sha256}` by default; older ones know HMAC-MD5
 * over anything only, which is taken and given with `legacyAuth` alone. Written after the protocol's description in
 * Python's documentation and tested against Python itself.
 *
 * ```text
 * challenger   #CHALLENGE# {digest} 40 random bytes          (≤ 3.11: #CHALLENGE# 20 random bytes)
 * other        {digest} HMAC of all that follows #CHALLENGE#   (≤ 3.11: HMAC-MD5 of it, 16 bytes)
 * challenger   #WELCOME# or #FAILURE#
 * ```
 */
import { Buffer } from 'node:buffer';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { AuthenticationError } from '../errors.js';
import type { Dialog, HandshakeOptions } from './handshake.js';

/** The digests that Python allows, by Node's names for them. */
export const DIGESTS: ReadonlyMap<string, string> = new Map([
  ['sha256', 'sha256'],
  ['sha384', 'sha384'],
  ['sha3_256', 'sha3-256'],
  ['sha3_384', 'sha3-384'],
  ['md5', 'md5'],
]);

/** Challenges the other end. @throws {AuthenticationError} If it does not have the key. */
export function* challengePython(options: HandshakeOptions, digest = 'sha256'): Dialog<void> {
  const challenge = Buffer.concat([Buffer.from(`{${digest}}`), randomBytes(CHALLENGE_BYTES)]);
  yield { send: Buffer.concat([CHALLENGE, challenge]) };
  yield* verifyPythonAnswer(options, challenge, yield 'receive');
}

/** Judges the answer to a challenge, and says so. */
export function* verifyPythonAnswer(options: HandshakeOptions, challenge: Uint8Array, answer: Uint8Array): Dialog<void> {
  const { digest, payload } = namedDigest(answer);
  const isLegacy = digest === 'md5';
  if (isLegacy && options.legacyAuth !== true) {
    yield { send: FAILURE };
    throw new AuthenticationError(
      'Cannot authenticate: the other end answers with HMAC-MD5, as Python up to 3.11 does; legacyAuth: true allows that',
    );
  }
  const expected = digestOf(digest, options.authKey, challenge);
  if (payload.length !== expected.length || !timingSafeEqual(payload, expected)) {
    yield { send: FAILURE };
    throw new AuthenticationError('Cannot authenticate: the other end does not have the key');
  }
  yield { send: WELCOME };
}

/** Answers a challenge of the other end. @throws {AuthenticationError} If it is none, or the answer is refused. */
export function* answerPython(options: HandshakeOptions, first?: Uint8Array): Dialog<void> {
  const message = first ?? (yield 'receive');
  if (!startsWith(message, CHALLENGE))
    throw new AuthenticationError('Cannot authenticate: the other end does not begin with a challenge; it may have no key');
  const challenge = message.subarray(CHALLENGE.length);
  if (challenge.length < LEGACY_CHALLENGE_BYTES)
    throw new AuthenticationError(`Cannot authenticate: the challenge is too short, received ${challenge.length} bytes`);
  const isBare = challenge.length === LEGACY_CHALLENGE_BYTES;
  const { digest } = isBare ? { digest: 'md5' } : namedDigest(challenge);
  if (digest === 'md5' && options.legacyAuth !== true)
    throw new AuthenticationError(
      'Cannot authenticate: the other end asks for HMAC-MD5, as Python up to 3.11 does; legacyAuth: true allows that',
    );
  const proof = digestOf(digest, options.authKey, challenge);
  yield { send: isBare ? proof : Buffer.concat([Buffer.from(`{${digest}}`), proof]) };
  const verdict = yield 'receive';
  if (Buffer.compare(verdict, WELCOME) !== 0) throw new AuthenticationError('Cannot authenticate: the other end has another key');
}

export function startsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  return bytes.length >= beginning.length && Buffer.compare(bytes.subarray(0, beginning.length), beginning) === 0;
}

/** `{digest}payload`; 16 bytes without a name are HMAC-MD5. */
function namedDigest(message: Uint8Array): { digest: string; payload: Uint8Array } {
  if (message.length === MD5_BYTES) return { digest: 'md5', payload: message };
  const text = Buffer.from(message.subarray(0, LONGEST_NAME + 2)).toString('latin1');
  const digest = /^\{([a-z0-9_]+)\}/.exec(text)?.[1];
  if (digest === undefined || !DIGESTS.has(digest))
    throw new AuthenticationError(
      'Cannot authenticate: the other end speaks another protocol, or wants a digest that is not known',
    );
  return { digest, payload: message.subarray(digest.length + 2) };
}

function digestOf(digest: string, key: Uint8Array, message: Uint8Array): Buffer {
  return createHmac(DIGESTS.get(digest) as string, key)
    .update(message)
    .digest();
}

export const CHALLENGE: Buffer = Buffer.from('#CHALLENGE#');
const WELCOME = Buffer.from('#WELCOME#');
export const FAILURE: Buffer = Buffer.from('#FAILURE#');
export const DIGEST_SHA256: Buffer = Buffer.from('{sha256}');
const CHALLENGE_BYTES = 40;
const LEGACY_CHALLENGE_BYTES = 20;
const MD5_BYTES = 16;
const LONGEST_NAME = 8;
