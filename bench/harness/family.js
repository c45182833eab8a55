/**
 * Finds and ends the processes of a measurement: all that carry the run's token in their environment or live in the
 * session of the measurement process. Runs in the bench process and in the janitor. Signals pids only, never names.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export const TOKEN_NAME = 'MULTIPROC_BENCH_RUN';

/**
 * @param {string} token
 * @param {number} [session] pid of a measurement process, which is a session leader
 * @returns {number[]} living processes of the run, this one excluded
 */
export function familyPids(token, session) {
  const mark = `${TOKEN_NAME}=${token}`;
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && isMember(pid, mark, session));
}

/**
 * Waits for a family to end by itself, then kills what is left of it.
 * @param {string} token
 * @param {number} [session]
 * @param {number} [graceMs]
 * @returns {Promise<number>} how many had to be killed
 */
export async function endFamily(token, session, graceMs = 0) {
  const killAt = performance.now() + graceMs;
  const killed = new Set();
  for (;;) {
    const pids = familyPids(token, session);
    if (pids.length === 0 || performance.now() > killAt + UNKILLABLE_MS) return killed.size;
    if (performance.now() >= killAt) {
      for (const pid of pids) {
        killed.add(pid);
        kill(pid);
      }
    }
    await sleep(POLL_MS);
  }
}

/** @param {number} pid @param {string} mark @param {number | undefined} session */
function isMember(pid, mark, session) {
  try {
    const [state, , , sessionOfPid] = statFields(pid);
    if (state === 'Z' || state === 'X') return false;
    if (session !== undefined && Number(sessionOfPid) === session) return true;
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(mark);
  } catch {
    return false; // gone, or another user's
  }
}

/** @param {number} pid @returns {string[]} state, parent, group, session, … (the name before them may hold blanks and brackets) */
function statFields(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** @param {number} pid */
function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ended meanwhile
  }
}

const POLL_MS = 20;
const UNKILLABLE_MS = 5_000;
