/**
 * Recognises sockets and servers of `node:net` among what is sent.
 *
 * Runs in every process. What it takes to send one (`net-handles.ts`) is loaded when the first one is sent.
 */
import { types } from 'node:util';
import type { Lender } from '../sharing/lenders.js';
import { isOfNet, lendNet } from './net-handles.js';

export const netLender: Lender = {
  // Only those have this property; their module costs milliseconds, and is there where one of them is.
  matches: (value) => typeof value === 'object' && !types.isProxy(value) && '_handle' in value && isOfNet(value),
  lend: lendNet,
};
