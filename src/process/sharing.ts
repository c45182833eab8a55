/**
 * Lets messages of this thread have shared objects in them, and has those repaired that its dead children held.
 *
 * Runs in every process and thread of a family, before its first message.
 */
import { registerSharedObjects } from '../sharing/shared-extension.js';
import { prepareSharing, setKindLoader } from '../sharing/shared-kinds.js';
import { sharedKinds } from './shared-classes.js';

/** Prepares this thread. A second call changes nothing. */
export function startSharing(): void {
  registerSharedObjects();
  setKindLoader(() => sharedKinds());
  prepareSharing();
}
