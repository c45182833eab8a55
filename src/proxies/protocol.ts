/**
 * What clients and servers of managers say to each other. Every message is an array.
 *
 * ```text
 * client → server   [call, object, method, args]            a call; number 0: nobody waits for an answer
 *                   [call, object, method, bytes, bodies]   the same, with packed arguments (`packed.ts`)
 * server → client   [call, kind, payload, bodies?]          the answer; answers come in any order
 * ```
 *
 * Runs in clients and servers. Object 0 is the server itself; methods that begin with `#` are those of every object.
 */

/** A call as it is sent. */
export type Request = readonly [
  call: number,
  object: number,
  method: string,
  args: readonly unknown[] | Uint8Array,
  bodies?: readonly Uint8Array[],
];

/** An answer as it is sent. */
export type Reply = readonly [call: number, kind: number, payload?: unknown, bodies?: readonly Uint8Array[]];

/** The payload is what the method returned. */
export const RESULT = 0;
/** The method returned the object that it belongs to. */
export const SELF = 1;
/** The payload is an encoded failure; `bodies` are the definitions it needs. */
export const FAILED = 2;
/** The payload is an encoded value; `bodies` are the definitions it needs, which may have to import modules. */
export const DEFINED = 3;
/** As RESULT, of something that was taken from a queue: it counts as taken when the client says `ACK`. */
export const TAKEN = 4;

/** The object that is the server itself. */
export const SERVER = 0;
/** The number of calls without an answer. */
export const NO_ANSWER = 0;

/** First of all, without an answer: who the client is (participant, pid). */
export const HELLO = 'hello';
/** Without an answer: the result of that call arrived. */
export const ACK = 'ack';
/** Without an answer: nobody waits for that call any more; it fails with an `AbortError` if it still waits. */
export const CANCEL = 'cancel';
/** Is answered, for whoever wants to be woken. */
export const PING = 'ping';
/** Makes an object: (type, arguments). */
export const CREATE = 'create';
/** Ends the server. */
export const SHUTDOWN = 'shutdown';
/** How many objects there are, and what they are. */
export const COUNT = 'count';
export const DESCRIBE = 'describe';

/** A copy of the whole object. */
export const COPY = '#copy';
/** An iterator of its items. */
export const ITERATE = '#iterate';
/** Of an iterator: so many more items, as `{ items, done }`. */
export const NEXT = '#next';
/** Of an iterator: ends it. */
export const RETURN = '#return';

/** What kind of proxy an object has. */
export const FORM = { OBJECT: 0, NAMESPACE: 1, LOCK: 2, CONDITION: 3, QUEUE: 4, ITERATOR: 5, WAITER: 6, PERMITS: 7 } as const;

/** Items of an iterator that travel at once. */
export interface ItemChunk {
  readonly items: readonly unknown[];
  readonly done: boolean;
}
