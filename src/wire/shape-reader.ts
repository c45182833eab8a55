/**
 * Shapes on the reading side: from a definition to functions that build the objects of the shape.
 *
 * Runs in every process. A shape that is met often gets functions of its own, made from source text
 * where the process allows that, because only an object literal is as fast as the engine can be.
 */
import { MAX_SHAPE_KEYS } from './tags.js';

/** What a builder reads values with. */
export interface ShapeInput {
  read(): unknown;
  register<T extends object>(object: T): T;
}

type Builder = (input: ShapeInput) => object;

/** The keys of some objects, in order. */
export class Shape {
  readonly keys: readonly string[];
  readonly definition: Uint8Array;
  /** Builds an object of which no other part of the message knows. */
  build: Builder;
  /** Builds an object that is registered before its values are read. */
  buildRegistered: Builder;
  #uses = 0;

  constructor(keys: readonly string[], definition: Uint8Array) {
    this.keys = keys;
    this.definition = definition;
    this.build = (input) => this.#buildAndCount(input);
    this.buildRegistered = this.build;
  }

  /** Builds an object in any message, without code of its own for the shape. */
  buildSlowly(input: ShapeInput): object {
    const object: Record<string, unknown> = input.register({});
    for (const key of this.keys) {
      setOwn(object, key, input.read());
    }
    return object;
  }

  /** Whether this is the shape with the definition in `bytes[start..end)`. */
  isDefinedBy(bytes: Uint8Array, start: number, end: number): boolean {
    const { definition } = this;
    if (definition.length !== end - start) {
      return false;
    }
    for (let i = 0; i < definition.length; i++) {
      if (definition[i] !== bytes[start + i]) {
        return false;
      }
    }
    return true;
  }

  #buildAndCount(input: ShapeInput): object {
    if (++this.#uses === COMPILE_AT) {
      this.#compile();
    }
    return this.buildSlowly(input);
  }

  #compile(): void {
    const { keys } = this;
    if (compilable === 0 || keys.includes('__proto__') || keys.length > MAX_SHAPE_KEYS || new Set(keys).size !== keys.length) {
      return;
    }
    compilable--;
    const names = keys.map((key) => JSON.stringify(key));
    try {
      this.build = compiled(`return {${names.map((name) => `${name}: input.read()`).join(', ')}};`);
      this.buildRegistered = compiled(
        `const object = input.register({${names.map((name) => `${name}: undefined`).join(', ')}});\n` +
          `${names.map((name) => `object[${name}] = input.read();`).join('\n')}\nreturn object;`,
      );
    } catch {
      // --disallow-code-generation-from-strings
      compilable = 0;
    }
  }
}

/** Sets a property as data, whatever its name. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    object[key] = value;
  }
}

/** The shapes that were met, by their definitions; a new one takes the place of another. */
export class ShapeCache {
  readonly #slots: (Shape | undefined)[] = new Array<Shape | undefined>(SLOTS).fill(undefined);

  /** The shape defined by `bytes[start..end)`; `parse` gives its keys if it is new. */
  shape(bytes: Uint8Array, start: number, end: number, parse: () => string[]): Shape {
    let hash = end - start;
    for (let i = start; i < end; i++) {
      hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0;
    }
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const known = this.#slots[slot];
    if (known?.isDefinedBy(bytes, start, end)) {
      return known;
    }
    const shape = new Shape(parse(), Uint8Array.prototype.slice.call(bytes, start, end));
    if (end - start <= DEFINITION_MAX) {
      this.#slots[slot] = shape;
    }
    return shape;
  }
}

function compiled(body: string): Builder {
  // Its text is this file's, but for keys as JSON strings.
  // oxlint-disable-next-line typescript/no-implied-eval
  return new Function('input', body) as Builder;
}

/** How many more shapes may be compiled: bytes from elsewhere must not fill the process with code. */
let compilable = 2048;
/** Compiling costs as much as building some dozens of objects slowly. */
const COMPILE_AT = 24;
const SLOTS = 1024;
/** Longer definitions are read anew each time. */
const DEFINITION_MAX = 2048;
