/**
 * Stands in for `process.stdout` and `process.stderr` while a fork server loads modules: node's own streams belong to
 * the descriptors that they are made for, and a child has others.
 *
 * Runs in fork servers and their children. Whoever kept a stand-in (the console does) writes through it in the child too.
 */
import type { Writable } from 'node:stream';

const originals = new Map<'stdout' | 'stderr', PropertyDescriptor>();

/** Puts the stand-ins in place. */
export function guardOutput(): void {
  if (originals.size > 0) return;
  standIn('stdout', 1);
  standIn('stderr', 2);
}

/** In the child: the streams are node's again, made at their first use. */
export function releaseOutput(): void {
  for (const [name, descriptor] of originals) Object.defineProperty(process, name, descriptor);
  originals.clear();
}

function standIn(name: 'stdout' | 'stderr', fd: 1 | 2): void {
  const original = Object.getOwnPropertyDescriptor(process, name);
  if (original === undefined) return;
  originals.set(name, original);
  let stream: Writable | undefined;
  const get = () => (stream ??= makeStandIn(name, fd));
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get });
}

function makeStandIn(name: 'stdout' | 'stderr', fd: 1 | 2): Writable {
  const { writeSync } = process.getBuiltinModule('node:fs');
  const { Writable } = process.getBuiltinModule('node:stream');
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string | Uint8Array, encoding, done) {
      if (!originals.has(name)) {
        process[name].write(chunk as string, encoding, done);
        return;
      }
      try {
        writeSync(fd, typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  return Object.assign(stream, { fd, _isStdio: true, destroySoon: () => {}, _destroy: (_: unknown, done: () => void) => done() });
}
