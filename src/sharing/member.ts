/**
 * Makes this thread a member of its family that can send whatever travels: functions, class instances, shared objects.
 *
 * Runs in every process and thread, before anything is sent.
 */
import { self, type Self } from '../substrate/self.js';
import { setDefinitionOrigin } from '../wire/definitions.js';
import { registerFunctionExtensions } from '../wire/function-extension.js';
import { registerSharedObjects } from './shared-extension.js';
import { prepareSharing } from './shared-kinds.js';

/** This thread's membership, with the wire prepared. A second call changes nothing. */
export function joinAsMember(): Self {
  const me = self();
  if (me === prepared) return me;
  prepared = me;
  setDefinitionOrigin(me.origin);
  registerFunctionExtensions();
  registerSharedObjects();
  prepareSharing();
  return me;
}

let prepared: Self | undefined;
