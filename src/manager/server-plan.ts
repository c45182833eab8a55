/**
 * What a server is told at its start.
 *
 * Runs in the process that starts a server, and in the server.
 */
import type { TlsOptions } from '../channel/connection-options.js';
import type { ManagerDoor } from '../proxies/manager-door.js';

/** A type that somebody registered. */
export interface RegisteredType {
  readonly typeId: string;
  /** A class, or a function that makes the object. */
  readonly callable: ((...args: never[]) => unknown) | (abstract new (...args: never[]) => unknown) | undefined;
  /** Names of methods that may be called; undefined: all public ones. */
  readonly exposed?: readonly string[] | undefined;
  readonly methodToTypeId?: Readonly<Record<string, string>> | undefined;
  /** Whether it is one of the library's own, which a server knows by name. */
  readonly isBuiltin?: boolean;
}

/** Where a server listens for clients of other families. */
export interface ListenPlan {
  readonly address: string | { readonly host?: string | undefined; readonly port?: number | undefined };
  readonly authKey: Uint8Array;
  readonly tls: TlsOptions | undefined;
}

/** All that a server must know. */
export interface ServerPlan {
  readonly name: string;
  readonly door: ManagerDoor;
  readonly types: readonly RegisteredType[];
  readonly listen: ListenPlan | undefined;
  readonly initializer?: ((...args: never[]) => unknown) | undefined;
  readonly initArgs?: readonly unknown[] | undefined;
}
