/**
 * What a thread that connects over TLS and the one that relays for it say to each other.
 *
 * Runs in both; imports nothing of the library.
 *
 * | `taken`     | the two descriptors of a request                      |
 * |-------------|-------------------------------------------------------|
 * | `UNTAKEN`   | belong to the thread that asked                       |
 * | `TAKEN`     | belong to the relay, which closes them                |
 * | `GIVEN_UP`  | are closed by the thread that asked                   |
 */
import type { TlsOptions } from './connection-options.js';

export const UNTAKEN = 0;
export const TAKEN = 1;
export const GIVEN_UP = 2;
/** What the relay's count of users is when it ends: it takes no more requests. */
export const ENDED = -1;

/** Has a stream secured and its bytes relayed. */
export interface RelayRequest {
  /** The connected socket. */
  readonly remote: number;
  /** One end of the local pair. */
  readonly local: number;
  readonly taken: Int32Array;
  /** Undefined for a path. */
  readonly host: string | undefined;
  readonly options: TlsOptions;
  /** The defaults of `node:tls` in the thread that asks. */
  readonly defaults: Readonly<Record<string, unknown>>;
}

/** What came of the handshake: the first message over the local pair, as JSON. */
export type RelayReply =
  | { readonly binding: string }
  | {
      /** By TLS; else an option cannot be used. */
      readonly refused: boolean;
      readonly message: string;
      readonly code?: string | undefined;
    };

/** Most bytes of a reply. */
export const REPLY_MAX = 8192;
