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
    const keys: string[] = [];
    for (let node: ShapeNode = this; node.parent !== undefined; node = node.parent) {
      keys.push(node.key);
    }
    return keys.reverse();
  }

  /** What follows the tag and the length of a definition. */
  get definition(): Uint8Array {
    this.#definition ??= writeDefinition(this.keys());
    return this.#definition;
  }
}

/** The tree of one writer. */
export class ShapeTree {
  root: ShapeNode = new ShapeNode(undefined, '');
  #nodes = 0;
  #budget = BUDGET_MAX;

  /** The node behind `node` for one more key; none where the object is better written as entries. */
  step(node: ShapeNode, key: string): ShapeNode | undefined {
    const child = node.child(key) ?? this.#grow(node, key);
    if (child !== undefined) {
      node.lastKey = key;
      node.lastChild = child;
    }
    return child;
  }

  /** To be called once for each message: new shapes may be learnt again, slowly. */
  nextMessage(): void {
    if (this.#budget < BUDGET_MAX) {
      this.#budget++;
    }
    if (this.#nodes > NODES_MAX) {
      this.root = new ShapeNode(undefined, '');
      this.#nodes = 0;
    }
  }

  /** A shape that was used again pays for learning others. */
  reward(): void {
    if (this.#budget < BUDGET_MAX) {
      this.#budget++;
    }
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
  SCRATCH.open(0, Number.MAX_SAFE_INTEGER);
  SCRATCH.varint(keys.length);
  for (const key of keys) {
    SCRATCH.string(key);
  }
  const definition = new Uint8Array(SCRATCH.buffer.subarray(SCRATCH.start, SCRATCH.pos));
  SCRATCH.abandon();
  return definition;
}

const NODES_MAX = 4096;
const BUDGET_MAX = 512;
const SCRATCH: ByteWriter = new ByteWriter();
