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
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(cgroupQuota())));
}

/** CPUs that the control group grants, or infinity. */
function cgroupQuota(): number {
  const [quota, period] = readWords('/sys/fs/cgroup/cpu.max');
  if (quota !== undefined && quota !== 'max') return Number(quota) / Number(period ?? 100_000) || Number.POSITIVE_INFINITY;
  const old = Number(readWords('/sys/fs/cgroup/cpu/cpu.cfs_quota_us')[0]);
  const oldPeriod = Number(readWords('/sys/fs/cgroup/cpu/cpu.cfs_period_us')[0]);
  return old > 0 && oldPeriod > 0 ? old / oldPeriod : Number.POSITIVE_INFINITY;
}

function readWords(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trim().split(/\s+/);
  } catch {
    return [];
  }
}
