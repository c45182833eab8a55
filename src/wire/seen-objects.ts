/**
 * Numbers the objects of one message, so that a second visit of the same object is noticed.
 *
 * Runs in every process, on the writing side. Cheap while nothing is shared: a linear list for the
 * first objects, then a `Set` whose order gives the numbers, and a `Map` only from the first repeat on.
 */

/** The objects of one message in the order of their first visit. */
export class SeenObjects {
  readonly #list: (object | undefined)[] = new Array<object | undefined>(LIST_MAX).fill(undefined);
  #count = 0;
  #set: Set<object> | undefined;
  #numbers: Map<object, number> | undefined;

  /** The number of an object seen before; −1 for a new one, which takes the next number. */
  visit(value: object): number {
    if (this.#set === undefined) {
      const list = this.#list;
      const count = this.#count;
      for (let i = 0; i < count; i++) {
        if (list[i] === value) {
          return i;
        }
      }
      if (count < LIST_MAX) {
        list[count] = value;
        this.#count = count + 1;
        return -1;
      }
      this.#set = new Set(list as object[]);
    }
    return this.#visitMany(value, this.#set);
  }

  /** How many objects there are: to be given to `rewind`. */
  get size(): number {
    return this.#set === undefined ? this.#count : this.#set.size;
  }

  /** Forgets all objects from number `size` on. */
  rewind(size: number): void {
    const kept = this.#set === undefined ? this.#list.slice(0, size) : [...this.#set].slice(0, size);
    this.clear();
    for (const value of kept) {
      this.visit(value as object);
    }
  }

  clear(): void {
    const list = this.#list;
    for (let i = this.#count - 1; i >= 0; i--) {
      list[i] = undefined;
    }
    this.#count = 0;
    this.#set = undefined;
    this.#numbers = undefined;
  }

  #visitMany(value: object, set: Set<object>): number {
    const before = set.size;
    if (this.#numbers === undefined) {
      set.add(value);
      if (set.size !== before) {
        return -1;
      }
      let number = 0;
      this.#numbers = new Map();
      for (const object of set) {
        this.#numbers.set(object, number++);
      }
    }
    const number = this.#numbers.get(value);
    if (number !== undefined) {
      return number;
    }
    set.add(value);
    this.#numbers.set(value, before);
    return -1;
  }
}

const LIST_MAX = 16;
