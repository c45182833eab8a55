/**
 * Makes this thread a member of its family that can send functions: called before anything is sent.
 *
 * Runs in parents; children do the same as their first step.
 */
import { self, type Self } from '../substrate/self.js';
import { setDefinitionOrigin } from '../wire/definitions.js';
import { registerFunctionExtensions } from '../wire/function-extension.js';
import { startSharing } from './sharing.js';

let prepared = false;

/** This thread's membership, with the wire prepared. */
export function joinAsSender(): Self {
  const me = self();
  if (!prepared) {
    prepared = true;
    setDefinitionOrigin(me.origin);
    registerFunctionExtensions();
    startSharing();
  }
  return me;
}
