/**
 * Tells the parent's event loop how its children ended; the kernel told the supervisor thread.
 *
 * Runs in parents, one per thread.
 */
import { binding } from '../native/binding.js';
import type { Pump } from '../substrate/doorbell.js';
import { self } from '../substrate/self.js';

class Reaper implements Pump {
  readonly #watched = new Map<number, (status: number) => void>();

  /** Calls back once, never from within this call, with the exit code or negative signal number. */
  watch(id: number, onExit: (status: number) => void): void {
    this.#watched.set(id, onExit); // also of a child that is dead by now: its death has rung, and waits to be taken
  }

  /** Learns of deaths now, without waiting for the event loop. */
  pump(): boolean {
    const exits = binding().takeExits(self().doorbell.member);
    if (exits === undefined) return false;
    for (let i = 0; i < exits.length; i += 2) {
      const onExit = this.#watched.get(exits[i] as number);
      this.#watched.delete(exits[i] as number);
      onExit?.(exits[i + 1] as number);
    }
    return false;
  }

  pending(): boolean {
    return false; // every death rings the doorbell itself
  }
}

let only: Reaper | undefined;

/** The reaper of this thread. */
export function reaper(): Reaper {
  if (only === undefined) {
    only = new Reaper();
    self().doorbell.add(only);
  }
  return only;
}
