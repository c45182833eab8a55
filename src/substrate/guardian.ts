/**
 * The guardians of this thread: native threads that own locks for it and whose death the kernel reports.
 *
 * Runs in every process and thread. A guardian lists 2000 locks (the kernel looks at 2048 at most); more
 * locks get more guardians. The id in a lock word is the thread id of the guardian that lists the lock.
 */
import { binding } from '../native/binding.js';
import { orThrow, systemError } from './failure.js';

/** Who owns a lock for this thread. */
export interface Guardian {
  readonly index: number;
  readonly tid: number;
}

interface Shard extends Guardian {
  locks: number;
}

const CAPACITY = 2000;
const shards: Shard[] = [];
const listed = new Map<number, { shard: Shard; uses: number }>();

/** Lists the lock word at `offset` with a guardian of this thread, once however often asked. */
export function guard(offset: number): Guardian {
  const known = listed.get(offset);
  if (known !== undefined) {
    known.uses++;
    return known.shard;
  }
  const shard = shards.find((each) => each.locks < CAPACITY) ?? startShard();
  const failed = binding().guardianAdd(shard.index, offset);
  if (failed !== 0) throw systemError('register a lock', failed, 'guardianAdd');
  shard.locks++;
  listed.set(offset, { shard, uses: 1 });
  return shard;
}

/** Undoes one `guard`. */
export function unguard(offset: number): void {
  const known = listed.get(offset);
  if (known === undefined || --known.uses > 0) return;
  binding().guardianRemove(known.shard.index, offset);
  known.shard.locks--;
  listed.delete(offset);
}

function startShard(): Shard {
  const { index, tid } = orThrow('start a guardian thread', binding().guardianStart());
  const shard = { index, tid, locks: 0 };
  shards.push(shard);
  return shard;
}
