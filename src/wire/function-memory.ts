/**
 * What is remembered of functions that were sent: their definitions, and the numbers by which they are recognised
 * when they come back.
 *
 * Runs in the process that sends. Holds no function that its module or the user does not hold.
 */
import { types } from 'node:util';
import { sourceOf, textHash } from './definition-body.js';
import { define, newToken, type HeldDefinition } from './definitions.js';
import type { ModuleMember } from './module-definitions.js';
import { insideVitest } from './module-vite.js';
import { isObjectPrototype } from './realms.js';

/** A function ready to be written. */
export interface FunctionDescription {
  readonly held: HeldDefinition;
  /** Names this function object in the family; 0 where the definition alone does. */
  readonly token: number;
  /** The captured values, in the order of the definition's names. */
  readonly captures: readonly unknown[];
}

/** Remembers that a definition alone stands for this function. */
export function rememberStable(fn: object, held: HeldDefinition, token = 0): FunctionDescription {
  const description = { held, token, captures: [] };
  if (token === 0) held.value = fn;
  stable.set(fn, description);
  return description;
}

/** Whether the description of a function holds for every later message. */
export function isStable(fn: object): boolean {
  return stable.has(fn);
}

/** Names a function object for the family, and finds it again when it comes back. */
export function tokenOf(fn: object): number {
  let token = tokens.get(fn);
  if (token === undefined) {
    token = newToken();
    tokens.set(fn, token);
    sent.set(token, new WeakRef(fn));
    forgotten.register(fn, token);
  }
  return token;
}

/** The function of this process that has the token, if it still lives. */
export function sentFunction(token: number): object | undefined {
  return sent.get(token)?.deref();
}

/** A function that a module holds, as a definition. */
export function describeMember(fn: object, { module, path }: ModuleMember, space: 'export' | 'scope'): FunctionDescription {
  const { name } = fn as { name?: unknown };
  const body = { kind: 'member', module: module.definition.id, space, path, name: typeof name === 'string' ? name : '' } as const;
  // Texts differ where a runner rewrites them, and say nothing of what another module exports again.
  const { body: loaded } = module;
  const isForeign =
    types.isProxy(fn) || insideVitest() || loaded.kind !== 'module' || loaded.base !== undefined || loaded.format === 'own';
  const held = define(isForeign ? body : { ...body, hash: textHash(sourceOf(fn)) }, [module.definition]);
  return rememberStable(fn, held);
}

/** The object that instances of an old-style constructor inherit from. */
export function ownPrototype(fn: object): object | undefined {
  const prototype: unknown = Object.getOwnPropertyDescriptor(fn, 'prototype')?.value;
  return typeof prototype === 'object' && prototype !== null && Object.hasOwn(prototype, 'constructor') ? prototype : undefined;
}

/** Whether nothing was ever added to a function. */
export function isBare(fn: object): boolean {
  const prototype = ownPrototype(fn);
  if (Object.keys(fn).length > 0) return false;
  return prototype === undefined || (Object.keys(prototype).length === 0 && isObjectPrototype(Object.getPrototypeOf(prototype)));
}

/** The description of a function that holds for every message. */
export function stableDescription(fn: object): FunctionDescription | undefined {
  return stable.get(fn);
}

const stable = new WeakMap<object, FunctionDescription>();
const tokens = new WeakMap<object, number>();
const sent = new Map<number, WeakRef<object>>();
const forgotten = new FinalizationRegistry<number>((token) => void sent.delete(token));
