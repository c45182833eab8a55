/**
 * How many CPUs this process may use: affinity mask and container quota.
 *
 * Runs in every process.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/**
 * The number of usable CPUs, at least 1: the affinity mask, cut down to the CPU quota of the container.
 *
 * @python `os.process_cpu_count()`; `multiprocessing.cpu_count()` counts the machine's.
 */
export function cpuCount(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(cpuQuota())));
}

/** CPUs that the control groups of this process grant, the strictest of them all, or infinity. */
export function cpuQuota(root = '/'): number {
  const quotas = linesOf(`${root}proc/self/cgroup`).flatMap((line) => {
    const [, controllers = '', ...path] = line.split(':');
    const names = controllers.split(',');
    if (controllers === '') return ancestors(path.join(':')).map((group) => quotaOf(`${root}sys/fs/cgroup${group}/cpu.max`));
    if (!names.includes('cpu')) return [];
    return ancestors(path.join(':')).map((group) => oldQuotaOf(`${root}sys/fs/cgroup/cpu${group}/cpu.cfs_`));
  });
  return Math.min(...quotas);
}

/** `/a/b`, `/a` and the root as '': a container sees its own group at the root, whatever its path is called outside. */
function ancestors(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return [...parts.keys(), parts.length].map((count) =>
    parts
      .slice(0, count)
      .map((part) => `/${part}`)
      .join(''),
  );
}

function quotaOf(path: string): number {
  const [quota, period] = (linesOf(path)[0] ?? 'max').split(' ').map(Number);
  return granted(quota, period);
}

function oldQuotaOf(prefix: string): number {
  return granted(Number(linesOf(`${prefix}quota_us`)[0]), Number(linesOf(`${prefix}period_us`)[0]));
}

function granted(quota = Number.NaN, period = Number.NaN): number {
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}
