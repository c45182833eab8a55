/**
 * Makes this thread a member of its family that can send, and can open whatever arrives: called before the first message.
 *
 * Runs in every process and thread that has children or is one.
 */
import { netLender } from '../channel/net-lender.js';
import { addLender } from '../sharing/lenders.js';
import { joinAsMember } from '../sharing/member.js';
import { setKindLoader } from '../sharing/shared-kinds.js';
import type { Self } from '../substrate/self.js';
import { sharedKinds } from './shared-classes.js';

/** This thread's membership, with the wire prepared. */
export function joinAsSender(): Self {
  setKindLoader(() => sharedKinds());
  addLender(netLender);
  return joinAsMember();
}
