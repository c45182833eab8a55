/**
 * Which items a journal has, and where: 12 bytes per item, so that a million finished items are no burden.
 *
 * Runs in the parent.
 */

/** Where each finished item's line stands, by item index. */
export class EntryIndex {
  #offsets: Float64Array<ArrayBuffer> = new Float64Array(1024); // offset + 1; 0: not there
  #lengths: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  /** Number of items. */
  size = 0;

  /** Notes the line of an item; the newest counts. */
  add(index: number, offset: number, length: number): void {
    while (index >= this.#offsets.length) this.#grow();
    if (this.#offsets[index] === 0) this.size++;
    this.#offsets[index] = offset + 1;
    this.#lengths[index] = length;
  }

  /** Place and length of an item's line in bytes, or undefined. */
  find(index: number): { offset: number; length: number } | undefined {
    const offset = this.#offsets[index] ?? 0;
    return offset === 0 ? undefined : { offset: offset - 1, length: this.#lengths[index] ?? 0 };
  }

  #grow(): void {
    const offsets = new Float64Array(this.#offsets.length * 2);
    const lengths = new Uint32Array(offsets.length);
    offsets.set(this.#offsets);
    lengths.set(this.#lengths);
    this.#offsets = offsets;
    this.#lengths = lengths;
  }
}
