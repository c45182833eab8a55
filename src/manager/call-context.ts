/**
 * A call that a server is about to answer: whose it is, and how it learns that nobody waits for it any more.
 *
 * Runs in servers only.
 */

/** Ends what a client waits for that is gone: nobody ever sees it. */
export class ClientEndedError extends Error {}

/** A client as the objects see it that wait, or hold something for it. */
export interface Client {
  /** The pid where it is known. */
  readonly pid: number | undefined;
  /** @throws {ClientEndedError} After its end. */
  assertAlive(): void;
  /** Is to be told of its end until `forget`. */
  remember(holder: Holder): void;
  forget(holder: Holder): void;
}

/** Something that has to do with a client. */
export interface Holder {
  clientEnded(client: Client): void;
}

/** A call that waits, or takes something. */
export interface CallContext {
  readonly client: Client;
  /** Has `cancel` called when the caller gives up or is gone; the returned function undoes it. */
  onCancel(cancel: (error: Error) => void): () => void;
  /** Says how to undo what the call took, should the result not arrive. */
  onUndelivered(undo: () => void): void;
}
