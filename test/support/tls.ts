/**
 * What tests over TLS share: certificates of `test/fixtures/tls`, and the threads that relay.
 *
 * Runs in the test process.
 */
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';
import type { TlsOptions } from 'multiproc';

const FOLDER = new URL('../../test/fixtures/tls/', import.meta.url);
const read = (name: string) => readFileSync(new URL(`${name}.pem`, FOLDER));

/** Whom clients trust. */
export const CA: Buffer = read('ca');
export const LISTENER_TLS: TlsOptions = { key: read('listener-key'), cert: read('listener') };
export const CLIENT_TLS: TlsOptions = { ca: CA };
/** Of a client that has a certificate, too. */
export const KNOWN_CLIENT_TLS: TlsOptions = { ca: CA, key: read('client-key'), cert: read('client') };

/** The threads of this one that are started until the test ends, in their order; it grows. */
export function startedWorkers(t: TestContext): readonly Worker[] {
  const started: Worker[] = [];
  const note = (worker: Worker) => void started.push(worker);
  process.on('worker', note);
  t.after(() => process.off('worker', note));
  return started;
}
