/**
 * Sees to it that a receiver has every definition before the first message that names it.
 *
 * Runs in every process: one `Shipper` per outgoing link, one `Inbox` per incoming one. Definitions load in
 * the order of their arrival and may take time (they import modules); later messages wait for them, so that
 * decoding itself is always synchronous.
 */
import type { Definition } from './codec-types.js';
import { loadDefinition } from './definitions.js';

/** The frame kind of a definition on every link. */
export const DEFINE = 2;

/** Remembers what one receiver has. */
export class Shipper {
  readonly #shipped = new Set<number>();
  readonly #send: (kind: number, buffer: Uint8Array, start: number, end: number) => void;

  constructor(send: (kind: number, buffer: Uint8Array, start: number, end: number) => void) {
    this.#send = send;
  }

  /** Sends those of `definitions`, and of what they require, that the receiver does not have. */
  ship(definitions: readonly Definition[]): void {
    for (const definition of definitions) {
      if (this.#shipped.has(definition.id)) continue;
      this.#shipped.add(definition.id);
      this.ship(definition.requires);
      this.#send(DEFINE, definition.body, 0, definition.body.length);
    }
  }
}

type Handler = (kind: number, buffer: Uint8Array, start: number, end: number, owned: boolean) => void;

/** Hands messages on in order, each after the definitions before it are loaded. */
export class Inbox {
  readonly #handle: Handler;
  readonly #waiting: { kind: number; bytes: Uint8Array }[] = [];
  #loading = false;
  #onIdle: (() => void)[] = [];

  constructor(handle: Handler) {
    this.#handle = handle;
  }

  /** Whether modules are being loaded for what has arrived. */
  get isLoading(): boolean {
    return this.#loading;
  }

  /** Takes a message; the bytes are only valid during the call. */
  readonly receive: Handler = (kind, buffer, start, end, owned) => {
    if (this.#loading) this.#waiting.push({ kind, bytes: owned ? buffer.subarray(start, end) : buffer.slice(start, end) });
    else if (kind === DEFINE) this.#load(buffer.slice(start, end));
    else this.#handle(kind, buffer, start, end, owned);
  };

  /** Calls back as soon as nothing waits. */
  whenIdle(callback: () => void): void {
    if (this.#loading) this.#onIdle.push(callback);
    else callback();
  }

  #load(body: Uint8Array): void {
    const loaded = loadDefinition(body);
    if (loaded === undefined) return;
    this.#loading = true;
    const proceed = () => this.#proceed();
    loaded.then(proceed, proceed);
  }

  #proceed(): void {
    this.#loading = false;
    while (this.#waiting.length > 0 && !this.#loading) {
      const { kind, bytes } = this.#waiting.shift() as { kind: number; bytes: Uint8Array };
      this.receive(kind, bytes, 0, bytes.length, true);
    }
    if (this.#loading) return;
    for (const callback of this.#onIdle.splice(0)) callback();
  }
}
