/**
 * Memory that the processes of a family share and that travels without being copied.
 *
 * Runs in every process and thread.
 */
import { RawArray } from '../memory/shared-array.js';
import { deserialize, serialize } from '../wire/class-hooks.js';

/**
 * A block of shared memory: whoever gets one has the same bytes mapped.
 *
 * - It is freed when nobody has it any more. It outlives the server that made it.
 *
 * @python `mpservice.multiprocessing.server_process.MemoryBlock`; `buf` is `buffer`.
 */
export class MemoryBlock {
  readonly #bytes: Uint8Array;

  /**
   * @param size Bytes, all zero.
   * @throws {RangeError} If it is no positive integer. {ResourceExhaustedError} If there is not so much memory.
   */
  constructor(size: number | Uint8Array) {
    if (size instanceof Uint8Array) {
      this.#bytes = size;
      return;
    }
    if (!Number.isInteger(size) || size <= 0)
      throw new RangeError(
        `Cannot create a memory block: its size must be a positive integer of bytes, received ${String(size)}`,
      );
    this.#bytes = RawArray('u8', size);
  }

  /** The bytes, mapped. */
  get buffer(): Uint8Array {
    return this.#bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  static {
    const hooks = {
      [serialize]: (block: MemoryBlock): Uint8Array => block.#bytes,
      [deserialize]: (bytes: Uint8Array): MemoryBlock => new MemoryBlock(bytes),
    };
    Object.assign(this, hooks);
  }
}
