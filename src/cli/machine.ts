/**
 * What `/proc` and node say of this machine, for `multiproc doctor`.
 *
 * Runs in the parent. Every answer may be "not known"; nothing throws.
 */
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';

/** A number of bytes for a person: `1.5 GiB`. */
export function bytes(count: number): string {
  const unit = Math.min(Math.floor(Math.log2(Math.max(count, 1)) / 10), 5);
  return `${+(count / 1024 ** unit).toFixed(1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'][unit]}`;
}

/** Version of the C library, or undefined if it is not glibc. */
export function glibcVersion(): string | undefined {
  const report = process.report as typeof process.report & { excludeNetwork: boolean };
  const before = report.excludeNetwork;
  report.excludeNetwork = true; // or it asks the name servers
  const { header } = report.getReport() as unknown as { header?: { glibcVersionRuntime?: string } };
  report.excludeNetwork = before;
  return header?.glibcVersionRuntime;
}

/** A soft limit of /proc/self/limits; undefined where there is no /proc. */
export function processLimit(name: string): number | undefined {
  const line = readIfThere('/proc/self/limits')
    ?.split('\n')
    .find((text) => text.startsWith(name));
  const soft = line?.slice(name.length).trim().split(/\s+/)[0];
  return soft === undefined ? undefined : soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

/** A number of this process's control group; undefined: no limit, or not known. */
export function cgroupValue(file: string): number | undefined {
  const path = /^0::(.*)$/m.exec(readIfThere('/proc/self/cgroup') ?? '')?.[1];
  const text = path === undefined ? undefined : readIfThere(`/sys/fs/cgroup${path}/${file}`)?.trim();
  return text === undefined || text === 'max' ? undefined : Number(text);
}

/** Bytes that this process and its children may still take, caches counted as free. */
export function memoryAvailable(): number {
  const match = /^MemAvailable:\s+(\d+) kB/m.exec(readIfThere('/proc/meminfo') ?? '');
  const free = match === null ? freemem() : Number(match[1]) * 1024;
  return Math.min(free, process.constrainedMemory() || Number.POSITIVE_INFINITY);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
