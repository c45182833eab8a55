/**
 * The names under which a class takes its own serialisation over.
 *
 * Runs in every process; the symbols are the same in all of them.
 */

/** `static [serialize](instance)` gives the data to be sent in place of the instance. @python `__reduce__` */
export const serialize: unique symbol = Symbol.for('multiproc.serialize') as never;

/** `static [deserialize](data)` makes the instance out of it. */
export const deserialize: unique symbol = Symbol.for('multiproc.deserialize') as never;

/** A class whose instances travel by its own hooks: needed for `#private` state. */
export interface SerializableClass<T extends object, D> {
  [serialize](instance: T): D;
  [deserialize](data: D): T;
}
