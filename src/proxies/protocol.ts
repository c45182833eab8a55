/**
 * What clients and servers of managers say to each other: the numbers and names in it.
 *
 * Runs in clients and servers. A message is a call or an answer (`courier.ts`); object 0 is the server itself; methods
 * that begin with `#` are those of every object.
 */

/** The payload is what the method returned. */
export const RESULT = 0;
/** The method returned the object that it belongs to. */
export const SELF = 1;
/** The payload is an encoded failure. */
export const FAILED = 2;
/** The payload is a packed value, which may have to import modules. */
export const DEFINED = 3;
/** As RESULT, of something that was taken from a queue: it counts as taken when the client says `ACK`. */
export const TAKEN = 4;

/** Of no call: the server was shut down, and says no more. Over a socket; within a family it is seen in shared memory. */
export const CLOSING = 5;

/** Begins a message of several calls, or answers: each takes as many places in it as it would in a message of its own. */
export const BATCH: number = -1;
/** The object that is the server itself. */
export const SERVER = 0;
/** The number of calls without an answer. */
export const NO_ANSWER = 0;

/** First of all: who the client is (pid, participant, version). Over a socket it is answered by `{ serverId }`. */
export const HELLO = 'hello';
export const VERSION = 1;
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
/** Where the server listens; null: nowhere. */
export const ADDRESS = 'address';
/** Over a socket, without an answer: (object) is wanted by this client, too. */
export const HOLD = 'hold';
/** Over a socket, without an answer: this client lets (object, holds) go. */
export const LETGO = 'let go';
/** Over a socket, without an answer: a proxy of (object) is on its way to another process. */
export const KEEP = 'keep';
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
