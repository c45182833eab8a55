/**
 * The options that listeners and clients have in common, checked.
 *
 * Runs in every process.
 */
import type { SecureContextOptions } from 'node:tls';

/** Options of both ends. */
export interface ConnectionOptions {
  /** Both ends must have it: they prove it to each other, and nobody who listens in learns it. Default: anybody may connect. */
  authKey?: Uint8Array | undefined;
  /** Also talks with Python up to 3.11, which proves its key with HMAC-MD5. Default false. */
  legacyAuth?: boolean | undefined;
  /** Longest message in bytes, both ways. Default 1 GiB. */
  maxMessageBytes?: number | undefined;
}

/** What of `node:tls` both ends take. */
export interface TlsOptions extends SecureContextOptions {
  /** Whether an end whose certificate is not signed by one of `ca` is refused. Default true; for a listener, with `requestCert`. */
  rejectUnauthorized?: boolean | undefined;
  /** Of a listener: asks clients for a certificate. Default false. */
  requestCert?: boolean | undefined;
  /** Of a client: the name that the listener's certificate must have. Default the host. */
  servername?: string | undefined;
}

export interface CheckedOptions {
  readonly authKey: Uint8Array | undefined;
  readonly legacyAuth: boolean;
  readonly maxMessageBytes: number;
  readonly tls: TlsOptions | undefined;
}

/** Never shows a text, which may be a key. @param act Completes "Cannot …". @throws {TypeError} */
export function assertOptions(options: unknown, act: string): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`Cannot ${act}: the options must be an object, received ${describe(options)}`);
}

/** @param act Completes "Cannot …". @throws {TypeError|RangeError} */
export function checkOptions(
  options: ConnectionOptions & { tls?: TlsOptions | undefined },
  act: 'listen' | 'connect',
): CheckedOptions {
  const { authKey, legacyAuth = false, maxMessageBytes = MAX_MESSAGE_BYTES, tls } = options;
  if (authKey !== undefined && !(authKey instanceof Uint8Array))
    throw new TypeError(`Cannot ${act}: authKey must be a Uint8Array, received ${describe(authKey)}`);
  if (typeof legacyAuth !== 'boolean')
    throw new TypeError(`Cannot ${act}: legacyAuth must be a boolean, received ${describe(legacyAuth)}`);
  if (typeof maxMessageBytes !== 'number')
    throw new TypeError(`Cannot ${act}: maxMessageBytes must be a number, received ${describe(maxMessageBytes)}`);
  if (!Number.isSafeInteger(maxMessageBytes) || maxMessageBytes < 0)
    throw new RangeError(`Cannot ${act}: maxMessageBytes must be an integer of at least 0, received ${maxMessageBytes}`);
  if (tls !== undefined && (typeof tls !== 'object' || tls === null))
    throw new TypeError(`Cannot ${act}: tls must be an object, received ${describe(tls)}`);
  // A copy, since the caller may wipe the key; not on this object, where printing it would show it.
  const key = authKey?.slice();
  return {
    get authKey() {
      return key;
    },
    legacyAuth,
    maxMessageBytes,
    tls,
  };
}

/** @throws {RangeError} If a key that protects an address others can reach is too easy to guess. */
export function checkKeyOffLoopback(authKey: Uint8Array | undefined, where: string, act: string): void {
  if (authKey !== undefined && authKey.length < KEY_MIN_BYTES)
    throw new RangeError(
      `Cannot ${act}: at ${where}, which is not this machine alone, authKey must have at least ${KEY_MIN_BYTES} bytes, received ${authKey.length}`,
    );
}

function describe(value: unknown): string {
  return typeof value === 'string' ? 'a string' : String(value);
}

const MAX_MESSAGE_BYTES = 2 ** 30;
const KEY_MIN_BYTES = 16;
