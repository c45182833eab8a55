/**
 * What classes of managers have to be told their types: `register` and `unregister`.
 *
 * Runs in every process that has such a class.
 */
import type { RegisterOptions } from './manager-options.js';
import type { Registrable } from './proxy-types.js';
import { addCreator, addType, removeType } from './registry.js';

/** A class of managers: each has its own types, and those of the classes it extends. */
export abstract class TypeRegistrar {
  /**
   * Adds a type to this class of managers, and a method of its name that makes objects of it.
   *
   * @param callable A class, or a function that makes the object; may be left out where only clients are.
   */
  static register(typeId: string, callable?: Registrable, options: RegisterOptions = {}): void {
    if (typeof typeId !== 'string' || typeId === '' || typeId.startsWith('#'))
      throw new TypeError(`Cannot register a type: its name must be a non-empty string, received ${String(typeId)}`);
    if (callable !== undefined && typeof callable !== 'function')
      throw new TypeError(`Cannot register ${typeId}: it takes a class or function, received ${String(callable)}`);
    const { exposed, methodToTypeId, createMethod = true } = options;
    addType(this, { typeId, callable, exposed, methodToTypeId });
    if (createMethod) addCreator(this.prototype, typeId);
  }

  /** Undoes `register`. */
  static unregister(typeId: string): void {
    if (!removeType(this, typeId))
      throw new TypeError(`Cannot unregister ${String(typeId)}: it is not registered with ${this.name}`);
    delete (this.prototype as unknown as Record<string, unknown>)[typeId];
  }
}
