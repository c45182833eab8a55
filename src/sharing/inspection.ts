/**
 * What `console.log` and `util.inspect` show of shared objects: their state at that moment, under the name of their class.
 *
 * Runs in every process and thread. Looking at an object takes nothing and waits for nobody.
 */

/** The method that node calls to show an object. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** Shows objects of a class as ones that have just these properties; those that are undefined are left out. */
export function showAs<T extends object>(
  Class: { readonly prototype: T },
  properties: (object: T) => Readonly<Record<string, unknown>>,
): void {
  Object.defineProperty(Class.prototype, INSPECT, {
    configurable: true,
    writable: true,
    value(this: T): object {
      // The prototype gives the name; the method that it has too must not be called for what it gave.
      const shown = Object.create(Object.getPrototypeOf(this) as object, { [INSPECT]: { value: undefined } }) as object;
      for (const [name, value] of Object.entries(properties(this)))
        if (value !== undefined) Object.defineProperty(shown, name, { value, enumerable: true });
      return shown;
    },
  });
}
