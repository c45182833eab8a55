/**
 * The limits of messages between processes that are not of one family.
 *
 * Runs in every process, on both sides: what the reader would refuse, the writer refuses with the path of it.
 */

/**
 * What a message of a peer that is not of the family may be: data, and not too much of it.
 *
 * With limits, extensions (functions, class instances, shared objects) that `allow` does not name, regular expressions (which can be made to run
 * for ever) and arrays with holes (which can be longer than any memory) are refused, and no code is made for shapes.
 */
export interface DecodeLimits {
  /** Most objects in the message. Default 1 000 000. */
  readonly objects?: number;
  /** How deep they may stand in each other, up to 1000. Default 256. */
  readonly depth?: number;
}

export const LIMITED_DEPTH = 256;
export const LIMITED_OBJECTS = 1_000_000;
