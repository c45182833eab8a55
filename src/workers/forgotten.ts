/**
 * What becomes of the workers of a pool or an executor that nobody keeps: they do what they have, and end.
 *
 * Runs in the parent. Best effort: it happens when the garbage is collected, if that ever happens; nothing relies on it.
 */
import type { WorkerEngine } from './engine.js';

interface Owned {
  readonly engine: WorkerEngine;
  readonly warning: string | undefined;
}

const owners = new FinalizationRegistry<Owned>(({ engine, warning }) => {
  if (engine.state !== 'running') return;
  if (warning !== undefined) process.emitWarning(warning, { type: 'MultiprocWarning' });
  engine.stop({ cancelPending: false });
});

/** Stops the engine when its only owner is gone, with a warning if one is given. The engine must not refer to the owner. */
export function stopWithOwner(owner: object, engine: WorkerEngine, warning?: string): void {
  owners.register(owner, { engine, warning });
}
