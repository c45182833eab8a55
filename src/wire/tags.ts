/**
 * The bytes of the wire: one table of every tag.
 *
 * Runs in every process. A value is one tag byte and what the table says follows it. `varint` is an
 * unsigned integer of 1–8 bytes, seven bits each, least significant first; text in `latin1` and
 * `utf16` is what V8 itself holds, so no text is ever converted or lost.
 *
 * | bytes       | value                                                                       |
 * |-------------|-----------------------------------------------------------------------------|
 * | 0x00–0x3f   | the integer 0–63                                                            |
 * | 0x40–0x7f   | a latin1 string of 0–63 bytes                                               |
 * | 0x80–0xbf   | an object of shape 0–63 of this message: its values in the order of the keys |
 * | 0xc0–0xff   | `TAG`, below                                                                |
 *
 * A message starts with one byte of flags (`FLAG_REFERENCES`), then its values. Every object and
 * function counts, in the order of its tag; `reference` names an earlier one by its number.
 */

export const FIX_STRING = 0x40;
export const FIX_OBJECT = 0x80;
/** Longest string, and highest shape, that fits into the tag byte. */
export const FIX_MAX = 0x3f;

/** Set in the first byte of a message that has a `reference`: only then the reader numbers its objects. */
export const FLAG_REFERENCES = 0x01;

/**
 * How deep objects may stand in objects: a depth at which neither side runs out of the default stack, even in
 * code that was never optimised (measured there: arrays 2100, maps 1400, class instances 1100, causes 800).
 */
export const MAX_DEPTH = 1000;

/** Most keys an object may have to be written as a shape. */
export const MAX_SHAPE_KEYS = 48;

export const TAG = {
  UNDEFINED: 0xc0,
  NULL: 0xc1,
  FALSE: 0xc2,
  TRUE: 0xc3,
  /** 2 bytes, two's complement, little endian. */
  INTEGER_16: 0xc4,
  /** 4 bytes, two's complement, little endian. */
  INTEGER_32: 0xc5,
  /** 8 bytes, little endian. */
  DOUBLE: 0xc6,
  /** 8 bytes, two's complement, little endian. */
  BIGINT_64: 0xc7,
  /** 1 byte: 1 for negative; varint length; hexadecimal digits in pairs. */
  BIGINT: 0xc8,
  /** varint length in bytes; latin1. */
  STRING_LATIN1: 0xc9,
  /** varint length in characters; utf16. */
  STRING_UTF16: 0xca,
  /** varint length of the definition; varint number of keys, the keys. Then the values of a first object of it. */
  SHAPE: 0xcb,
  /** varint number of the shape; values. */
  OBJECT: 0xcc,
  /** varint number of entries; key, value … */
  ENTRIES: 0xcd,
  /** As `ENTRIES`, for an object without prototype. */
  NULL_PROTOTYPE: 0xce,
  /** varint length; items, where `HOLES` stands for missing ones, `NUMBERS` and `TEXTS` for many. */
  ARRAY: 0xcf,
  /** As `ARRAY`, then varint number of further properties; key, value … */
  ARRAY_WITH_PROPERTIES: 0xd0,
  /** varint number of missing items. Only within an array. */
  HOLES: 0xd1,
  /** varint number of entries; key, value … */
  MAP: 0xd2,
  /** varint number of items; items. */
  SET: 0xd3,
  /** Milliseconds as 8 bytes of a double. */
  DATE: 0xd4,
  /** string source; string flags. */
  REGEXP: 0xd5,
  /** varint length; bytes. */
  ARRAY_BUFFER: 0xd6,
  /** 1 byte: index in `VIEW_NAMES`; varint length in bytes; bytes. */
  VIEW: 0xd7,
  /** varint length; bytes. A `Buffer`. */
  BUFFER: 0xd8,
  /** The primitive in the box. */
  BOXED: 0xd9,
  /** string. */
  URL: 0xda,
  /** string. */
  URL_SEARCH_PARAMS: 0xdb,
  /** See `error-objects.ts`. */
  ERROR: 0xdc,
  /** 1 byte: tag of the extension; what it wrote. */
  EXTENSION: 0xdd,
  /** varint number of the object. */
  REFERENCE: 0xde,
  /** 1 byte: 0–2 for integers of 1, 2, 4 bytes, 3 for doubles; varint number of items, up to 1024; bytes, little endian. Only within an array. */
  NUMBERS: 0xdf,
  /** varint number of items, up to 128; for each 1 byte with its length; latin1 text of all. Only within an array. */
  TEXTS: 0xe0,
} as const;

/** The views on bytes by the number they have on the wire. */
export const VIEW_NAMES = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'DataView',
  'Float16Array',
] as const;
