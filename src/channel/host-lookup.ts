/**
 * Looking up the addresses of a host by its name.
 *
 * Runs in every process; loaded at the first name, since Node's resolver takes its time to load.
 */
import { lookup } from 'node:dns/promises';
import { SystemError } from '../errors.js';

/** The numeric addresses of a host, in the order in which the system prefers them. @throws {SystemError} If there is no such host. */
export async function hostAddresses(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (cause) {
    const { code, errno } = cause as { code: string; errno?: number };
    const failure = { code, errno: Math.abs(Number(errno)) || 0, syscall: 'getaddrinfo' };
    throw new SystemError(`Cannot find the host ${host}: ${code} from getaddrinfo`, failure, { cause });
  }
}
