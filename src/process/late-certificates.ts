/**
 * NODE_EXTRA_CA_CERTS for children of Node 20, which reads that file at every start: with the certificates of a system
 * that takes longer than all the rest of it. Newer versions read it when a certificate is to be checked; so do these
 * children, who get the path by another variable.
 *
 * Runs in parents (`withoutCertificates`) and in children (`readCertificatesLater`).
 *
 * node keeps the list of the modules that it has loaded in `process.moduleLoadList`; an array asks its prototype where
 * to put what is new. So a child learns that the part of node is being loaded that everything with TLS is made of, or
 * the one of threads, who would load it unseen; and reads the file at that moment, before anything can use it.
 */
import { binding } from '../native/binding.js';
import { workingFolder } from '../native/own-files.js';
import { loadsModules } from '../wire/preload-flags.js';

type Environment = Readonly<Record<string, string | undefined>>;

const VARIABLE = 'NODE_EXTRA_CA_CERTS';
const PRIVATE_VARIABLE = 'MULTIPROC_EXTRA_CA_CERTS';
const NEED_CERTIFICATES: ReadonlySet<unknown> = new Set(['NativeModule _tls_common', 'NativeModule internal/worker']);

/** The environment with which a child of this node starts, without the file if it can read it later. */
export function withoutCertificates(env: Environment, flags: readonly string[], executable: string): Environment {
  const path = env[VARIABLE];
  if (!path || !process.version.startsWith('v20.') || executable !== process.execPath) return env;
  if (loadsModules(flags, env['NODE_OPTIONS'])) return env; // they run before a child can see to it
  if (binding().extraCertificates(null) !== 0) return env;
  return { ...env, [VARIABLE]: undefined, [PRIVATE_VARIABLE]: path };
}

/** Restores the variable, and reads the file when it is needed. */
export function readCertificatesLater(): void {
  const path = process.env[PRIVATE_VARIABLE] as string;
  delete process.env[PRIVATE_VARIABLE];
  process.env[VARIABLE] = path;
  const file = path.startsWith('/') ? path : `${workingFolder()}/${path}`;
  const list = (process as unknown as { moduleLoadList: unknown[] }).moduleLoadList;
  const read = () => {
    Object.setPrototypeOf(list, Array.prototype);
    binding().extraCertificates(file);
  };
  if (list.some((name) => NEED_CERTIFICATES.has(name))) {
    read();
    return;
  }
  const prototype = new Proxy(Array.prototype, {
    set(_, key, value, receiver: object) {
      if (NEED_CERTIFICATES.has(value)) read();
      return Reflect.defineProperty(receiver, key, { value, writable: true, enumerable: true, configurable: true });
    },
  });
  Object.setPrototypeOf(list, prototype);
}
