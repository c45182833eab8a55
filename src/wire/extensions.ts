/**
 * The kinds of objects that other folders add to the codec: functions, class instances, shared objects.
 *
 * Runs in every process. Both ends must have registered the same extensions before the first message.
 */
import type { WireExtension } from './codec-types.js';

/**
 * Adds a kind of object to the wire.
 *
 * - Extensions are asked in the order of their registration, those that shall be `first` before the others, for functions and for objects that are no plain data;
 *   those with `views` also for `ArrayBuffer`s and views on them.
 * - A second registration of the same extension object changes nothing.
 *
 * @throws {RangeError} If the tag is not an integer from 0 to 63.
 * @throws {TypeError} If another extension has the tag.
 */
export function registerExtension(extension: WireExtension): void {
  const { tag, name } = extension;
  if (!Number.isInteger(tag) || tag < 0 || tag >= TAG_COUNT) {
    throw new RangeError(`Cannot register the wire extension ${name}: its tag must be an integer from 0 to 63, received ${tag}`);
  }
  const other = byTag[tag];
  if (other === extension) {
    return;
  }
  if (other !== undefined) {
    throw new TypeError(`Cannot register the wire extension ${name}: its tag belongs to ${other.name}, received ${tag}`);
  }
  byTag[tag] = extension;
  if (extension.first === true) inOrder.unshift(extension);
  else inOrder.push(extension);
}

/** Undoes `registerExtension`, for tests. @public */
export function unregisterExtension(extension: WireExtension): void {
  if (byTag[extension.tag] === extension) {
    byTag[extension.tag] = undefined;
    inOrder.splice(inOrder.indexOf(extension), 1);
  }
}

/** The extension that takes this object, of those that `allow` lets through. */
export function extensionFor(value: object, allow: ExtensionFilter | undefined, viewsOnly: boolean): WireExtension | undefined {
  for (const extension of inOrder) {
    if ((!viewsOnly || extension.views === true) && (allow === undefined || allow(extension)) && extension.matches(value)) {
      return extension;
    }
  }
  return undefined;
}

/** The extension with this tag. */
export function extensionByTag(tag: number): WireExtension | undefined {
  return byTag[tag];
}

/** Which extensions a message may use; a socket, for one, takes no functions. */
export type ExtensionFilter = (extension: WireExtension) => boolean;

const TAG_COUNT = 64;
const byTag: (WireExtension | undefined)[] = new Array<WireExtension | undefined>(TAG_COUNT).fill(undefined);
const inOrder: WireExtension[] = [];
