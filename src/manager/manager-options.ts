/**
 * The options of managers, checked.
 *
 * Runs in every process.
 */
import { type Address, checkAddress } from '../channel/address.js';
import { assertOptions, checkOptions, type TlsOptions } from '../channel/connection-options.js';
import { checkContext, type ContextOption } from '../process/start-method.js';

/** How a manager is made. */
export interface ManagerOptions {
  /**
   * Where processes that are not of this family find the server: a path for a Unix socket, or a host (default 127.0.0.1) and
   * a port (default a free one). Default nowhere: the family needs none.
   */
  readonly address?: string | { readonly host?: string | undefined; readonly port?: number | undefined } | undefined;
  /** What both ends must have, to be proved to each other. Default that of the family (`currentProcess().authKey`). */
  readonly authKey?: Uint8Array | undefined;
  /** Encrypts; needs `key` and `cert` where the server is, and `ca` where it is connected to. */
  readonly tls?: TlsOptions | undefined;
  /** Milliseconds for each step of `shutdown()`: the polite one, then SIGTERM. Default 1000. */
  readonly shutdownTimeout?: number | undefined;
  /** Name of the server process. Default the class's name and a number. */
  readonly name?: string | undefined;
  /** How the server process starts. Default: as this program has chosen (`setStartMethod`). */
  readonly context?: ContextOption | undefined;
}

/** How a type is registered. */
export interface RegisterOptions {
  /** Names of methods that may be called. Default all whose names begin with no underscore. */
  readonly exposed?: readonly string[] | undefined;
  /** Types as which the results of methods are hosted: callers get proxies of them. */
  readonly methodToTypeId?: Readonly<Record<string, string>> | undefined;
  /** Whether managers get a method of that name. Default true. */
  readonly createMethod?: boolean | undefined;
}

/** @throws {TypeError|RangeError} If an option is none. */
export function checkManagerOptions(options: ManagerOptions): void {
  assertOptions(options, 'create a manager');
  const { address, authKey, tls, shutdownTimeout, name, context } = options;
  if (context !== undefined) checkContext('create a manager', context);
  if (address !== undefined) checkAddress(address, 'listen');
  checkOptions({ authKey, tls }, 'listen');
  if (shutdownTimeout !== undefined && typeof shutdownTimeout !== 'number')
    throw new TypeError(
      `Cannot create a manager: shutdownTimeout must be a number of milliseconds, received ${String(shutdownTimeout)}`,
    );
  if (shutdownTimeout !== undefined && !(shutdownTimeout >= 0))
    throw new RangeError(`Cannot create a manager: shutdownTimeout must be at least 0 ms, received ${shutdownTimeout}`);
  if (name !== undefined && typeof name !== 'string')
    throw new TypeError(`Cannot create a manager: name must be a string, received ${String(name)}`);
}

/** The address to connect to. @throws {TypeError|RangeError} If there is none, or a port is missing. */
export function addressToConnect(address: ManagerOptions['address']): Address {
  if (address === undefined) throw new TypeError('Cannot connect: the manager was made without an address');
  return checkAddress(address, 'connect');
}
