import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { clean, folder, program } from './process-support.js';

const TLS = fileURLToPath(new URL('../../test/fixtures/tls/', import.meta.url));

test(
  'The certificates of NODE_EXTRA_CA_CERTS count in children, whatever they connect with',
  clean(async (t) => {
    const [key, cert] = ['listener-key.pem', 'listener.pem'].map((name) => readFileSync(TLS + name));
    const server = createServer({ key, cert }, (_, response) => response.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    const { port } = server.address() as AddressInfo;
    const path = `${TLS}ca.pem`;
    const main = program(t, 'certificates.mjs', [`${port}`], { env: { NODE_EXTRA_CA_CERTS: path } });
    assert.deepEqual(await main.value('seen'), {
      ...Object.fromEntries(['fetch', 'https', 'tls', 'thread', 'worker', 'program'].map((way) => [way, 'hello'])),
      variables: [['NODE_EXTRA_CA_CERTS', path]],
    });
    assert.equal((await main.end()).stderr, '');
  }),
);

test(
  'A child that needs no certificates does not read NODE_EXTRA_CA_CERTS',
  clean(async (t) => {
    const path = join(folder(t), 'nobody writes into it');
    execFileSync('sh', ['-c', 'mkfifo "$0"', path]); // whoever opens it to read waits for ever
    const main = program(t, 'certificates-unread.mjs', [path, 'nowhere']);
    assert.deepEqual(await main.value('seen'), [path, path, 'nowhere', 'nowhere']);
    assert.deepEqual(await main.end().then(({ code, stderr }) => [code, stderr]), [0, '']);
  }),
);
