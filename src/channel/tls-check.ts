/**
 * Whether what a program gave for TLS can be used: said before anything is connected, not by a handshake that fails.
 *
 * Runs in every process. Never shows what it was given: it may be a key.
 */
import type { TlsOptions } from './connection-options.js';

/** @param act Completes "Cannot …". @throws {TypeError} If key, certificate or another option cannot be used. */
export function checkTls(options: TlsOptions, act: string): void {
  try {
    process.getBuiltinModule('node:tls').createSecureContext(options);
  } catch (error) {
    throw unusable(error, act);
  }
}

/** @param cause What OpenSSL says of an option. */
export function unusable(cause: unknown, act: string): TypeError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TypeError(`Cannot ${act}: an option of tls cannot be used: ${reason}`, { cause });
}

/** @throws {TypeError} If a listener could not show a certificate, or as `checkTls`. */
export function checkListenerTls(options: TlsOptions): void {
  const { cert, pfx, ciphers } = options;
  if (cert === undefined && pfx === undefined && ciphers === undefined)
    throw new TypeError(
      'Cannot listen: tls needs the key and the certificate of the listener, as key and cert or as pfx, received neither',
    );
  checkTls(options, 'listen');
}
