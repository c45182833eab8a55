/**
 * Which types each class of managers has: its own, and those of the classes it extends.
 *
 * Runs in every process. A process that only gets a manager sent needs no registrations.
 */
import type { Registrable } from './proxy-types.js';
import type { RegisteredType } from './server-plan.js';

const types = new WeakMap<object, Map<string, RegisteredType>>();

/** Registers a type with a class; a later one of the same name replaces it. */
export function addType(managerClass: object, type: RegisteredType): void {
  const own = types.get(managerClass) ?? new Map<string, RegisteredType>();
  types.set(managerClass, own);
  own.set(type.typeId, type);
}

/** Undoes `addType`; whether there was one. */
export function removeType(managerClass: object, typeId: string): boolean {
  return types.get(managerClass)?.delete(typeId) ?? false;
}

/** All types of a class, by name. */
export function typesOf(managerClass: object): Map<string, RegisteredType> {
  const found = new Map<string, RegisteredType>();
  for (let at: object | null = managerClass; at !== null; at = Object.getPrototypeOf(at) as object | null)
    for (const [typeId, type] of types.get(at) ?? []) if (!found.has(typeId)) found.set(typeId, type);
  return found;
}

/** The types of a class as a server is told them: without what only this process needs. */
export function plannedTypes(managerClass: object): RegisteredType[] {
  return [...typesOf(managerClass).values()].map((type) =>
    type.isBuiltin === true ? { typeId: type.typeId, callable: undefined, isBuiltin: true } : type,
  );
}

/** The name under which something is registered. @throws {TypeError} If it is not. */
export function typeIdOf(managerClass: { readonly name: string }, callable: Registrable): string {
  for (const [typeId, type] of typesOf(managerClass)) if (type.callable === callable) return typeId;
  throw new TypeError(`Cannot create ${callable.name || 'an object'}: it is not registered with ${managerClass.name}`);
}

/** Gives a manager, or all of a class, a method that makes objects of a type. */
export function addCreator(target: object, typeId: string): void {
  const value = function create(this: Creates, ...args: unknown[]): Promise<unknown> {
    return this.create(typeId, ...args);
  };
  Object.defineProperty(target, typeId, { value, configurable: true, writable: true, enumerable: false });
}

interface Creates {
  create(typeId: string, ...args: unknown[]): Promise<unknown>;
}
