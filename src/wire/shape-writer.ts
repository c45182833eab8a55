/**
 * Shapes on the writing side: a tree of keys in which an object's own keys, followed in order, end
 * at the node that knows how its shape is written.
 *
 * Runs in every process. The tree lives as long as the process, bounded in nodes; objects used as
 * dictionaries, whose keys do not repeat, exhaust a budget instead of filling it.
 */
import { ByteWriter } from './byte-writer.js';
import { MAX_SHAPE_KEYS } from './tags.js';

/** One key after those of its parent. */
export class ShapeNode {
  readonly parent: ShapeNode | undefined;
  readonly key: string;
  /** How many keys lead here. */
  readonly size: number;
  /** The message in which this shape was defined last, and its number there. */
  message = 0;
  number = 0;
  /** Whether an `arguments` object can look like this. */
  readonly likeArguments: boolean;
  /** The child that was asked for last, before all others. */
  lastKey: string | undefined;
  lastChild: ShapeNode | undefined;
  #children: Map<string, ShapeNode> | undefined;
  #definition: Uint8Array | undefined;

  constructor(parent: ShapeNode | undefined, key: string) {
    this.parent = parent;
    this.key = key;
    this.size = parent === undefined ? 0 : parent.size + 1;
    this.likeArguments = this.size === 0 || (this.size === 1 && key === '0') || (this.size > 1 && parent?.likeArguments === true);
  }

  child(key: string): ShapeNode | undefined {
    return this.#children?.get(key);
  }

  adopt(child: ShapeNode): void {
    this.#children ??= new Map();
    this.#children.set(child.key, child);
  }

  /** The keys in order. */
  keys(): string[] {
    return this.parent === undefined ? [] : [...this.parent.keys(), this.key];
  }

  /** What follows the tag and the length of a definition. */
  get definition(): Uint8Array {
    this.#definition ??= writeDefinition(this.keys());
    return this.#definition;
  }
}

/** The tree of one writer, and the shapes that were defined in its message. */
export class ShapeTree {
  root: ShapeNode = new ShapeNode(undefined, '');
  /** How many shapes the message defines. */
  count = 0;
  /** Counts messages, to know the shapes that were defined in this one. */
  #message = 0;
  readonly #defined: ShapeNode[] = [];
  #nodes = 0;
  #budget = BUDGET_MAX;

  /** Begins a message: it has no shapes, and new ones may be learnt again, slowly. */
  nextMessage(): void {
    this.#message++;
    this.count = 0;
    if (this.#budget < BUDGET_MAX) {
      this.#budget++;
    }
    if (this.#nodes > NODES_MAX) {
      this.root = new ShapeNode(undefined, '');
      this.#nodes = 0;
    }
  }

  /** The node behind `node` for one more key; none where the object is better written as entries. */
  step(node: ShapeNode, key: string): ShapeNode | undefined {
    const child = node.child(key) ?? this.#grow(node, key);
    if (child !== undefined) {
      node.lastKey = key;
      node.lastChild = child;
    }
    return child;
  }

  /** Numbers a shape, if the message does not have it yet: true if its definition must be written. */
  define(node: ShapeNode): boolean {
    if (node.message === this.#message) {
      // A shape that is used again pays for learning others.
      this.#budget += this.#budget < BUDGET_MAX ? 1 : 0;
      return false;
    }
    node.message = this.#message;
    node.number = this.count;
    this.#defined[this.count++] = node;
    return true;
  }

  /** Forgets all definitions from number `count` on. */
  rewind(count: number): void {
    for (let i = count; i < this.count; i++) {
      (this.#defined[i] as ShapeNode).message = 0;
    }
    this.count = count;
  }

  #grow(node: ShapeNode, key: string): ShapeNode | undefined {
    if (this.#budget === 0 || node.size === MAX_SHAPE_KEYS) {
      return undefined;
    }
    this.#budget--;
    this.#nodes++;
    const child = new ShapeNode(node, key);
    node.adopt(child);
    return child;
  }
}

function writeDefinition(keys: readonly string[]): Uint8Array {
  SCRATCH.openMessage(0, Number.MAX_SAFE_INTEGER);
  SCRATCH.varint(keys.length);
  for (const key of keys) {
    SCRATCH.string(key);
  }
  const definition = new Uint8Array(SCRATCH.buffer.subarray(SCRATCH.start, SCRATCH.pos));
  SCRATCH.abandonMessage();
  return definition;
}

const NODES_MAX = 4096;
const BUDGET_MAX = 512;
const SCRATCH: ByteWriter = new ByteWriter();
