/**
 * `multiproc/shared-memory`: Python's `multiprocessing.shared_memory` and `multiprocessing.sharedctypes`.
 *
 * Runs in every process; importing it starts nothing.
 */
// oxlint-disable-next-line import/no-cycle -- the list of its exports
import * as exported from './index.js';
import { registerOwnExports } from '../wire/own-exports.js';

export { type Shareable, ShareableList } from './shareable-list.js';
export { type ArrayInit, RawArray, SharedArray, SharedArray as Array } from './shared-array.js';
export { SharedMemory, type SharedMemoryOptions } from './shared-memory.js';
export {
  RawStruct,
  type RawStructConstructor,
  type RawStructOptions,
  Struct,
  type StructConstructor,
  type StructFields,
  type StructValues,
} from './struct.js';
export type {
  BigIntegerCode,
  ElementOf,
  FloatCode,
  IntegerCode,
  TypeCode,
  TypedArrayOf,
} from './type-codes.js';
export { type AddendOf, RawValue, Value } from './value.js';
export type { AnyLock, SharedOptions } from './value-lock.js';

registerOwnExports(exported);
