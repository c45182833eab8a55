/**
 * How the objects of a class and of its subclasses are started: as processes by one start method or another, as threads.
 *
 * Runs in parents. Each class that starts its children in a way of its own says so once, when it is loaded.
 */
import type { Child, ChildRequest } from './launcher.js';
import type { Process } from './process.js';
import type { ProcessOptions } from './process-options.js';
import type { StartMethod } from './start-method.js';

export interface ChildKind {
  /** What a child of this kind is by default. */
  readonly base: typeof Process;
  /** @throws {TypeError} If a child of this kind cannot have one of the options. */
  checkOptions(options: ProcessOptions): void;
  /** Numbers for a child constructed now. */
  nextIdentity(): number[];
  /** By which method a child of this kind starts, or by which its own children do. */
  startMethod(options: ProcessOptions): StartMethod | undefined;
  /** What is to be waited for before a launch; undefined: nothing. */
  prepare?(options: ProcessOptions): Promise<void> | undefined;
  launch(options: ProcessOptions, request: ChildRequest): Child;
}

const kinds = new Map<object, ChildKind>();

/** Says how a class derived from Process starts its children. */
export function defineKind(kind: ChildKind): void {
  kinds.set(kind.base, kind);
}

/** The class of a kind by its name, if this process has loaded it. */
export function classNamed(name: string | undefined): typeof Process | undefined {
  for (const { base } of kinds.values()) if (base.name === name) return base;
  return undefined;
}

/** The kind of a class: its own, or that of the nearest class it is derived from. */
export function kindOf(ProcessClass: typeof Process): ChildKind {
  for (let each: object | null = ProcessClass; each !== null; each = Object.getPrototypeOf(each) as object | null) {
    const kind = kinds.get(each);
    if (kind !== undefined) return kind;
  }
  throw new TypeError(`Cannot create a process: received the class ${ProcessClass.name}, which is not derived from Process`);
}
