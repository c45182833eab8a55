/**
 * Makes proxies and forgets them, as children do that die: the server must let their objects go, and its memory must not
 * grow with their number.
 *
 * `node dist-test/faults/manager-leak.js [proxies]`, 100 000 by default.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Manager, type SyncManager } from 'multiproc';

export interface LeakReport {
  readonly made: number;
  /** Objects that the server still had at the end. */
  readonly left: number;
  /** Bytes that the server has more than after the first tenth. */
  readonly grown: number;
}

export async function measureManagerLeak(proxies: number): Promise<LeakReport> {
  const manager = await Manager();
  try {
    const tenth = Math.ceil(proxies / 10);
    await makeAndForget(manager, tenth);
    const before = residentBytes(manager);
    await makeAndForget(manager, proxies - tenth);
    const left = await settled(manager, AT_ONCE);
    return { made: proxies, left, grown: residentBytes(manager) - before };
  } finally {
    await manager.shutdown();
  }
}

async function makeAndForget(manager: SyncManager, count: number): Promise<void> {
  for (let made = 0; made < count; made += AT_ONCE) {
    const proxies = await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - made) }, () => manager.list<unknown>([made])),
    );
    await proxies[0]?.push(proxies[1]); // one knows another
    proxies.length = 0;
    // Collected objects are finalised in a turn of their own.
    await sleep(0);
    if (made % (20 * AT_ONCE) === 0) await settled(manager, 10 * AT_ONCE);
  }
}

/** Has garbage collected until so few objects are left, or no fewer come for a while. */
async function settled(manager: SyncManager, most: number): Promise<number> {
  for (let patience = PATIENCE; ; patience--) {
    collect();
    await sleep(10);
    const left = await manager.numberOfObjects();
    if (left <= most || patience === 0) return left;
  }
}

function residentBytes({ process: server }: SyncManager): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server?.pid}/status`, 'utf8'))?.[1]) * 1024;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const AT_ONCE = 500;
const PATIENCE = 500;

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const report = await measureManagerLeak(Number(process.argv[2] ?? 100_000));
  console.log(`${report.made} proxies made and forgotten; ${report.left} objects left, the server grew by ${report.grown} bytes`);
  process.exitCode = report.left > 1000 || report.grown > 64 * 2 ** 20 ? 1 : 0;
}
