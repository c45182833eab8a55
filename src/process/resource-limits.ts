/**
 * Limits of what a child may use, as an option and as flags of node.
 *
 * Runs in parents.
 */

/** Limits of a child, by the names of `worker_threads`. */
export interface ResourceLimits {
  /** The JavaScript heap, in MiB; the same as the option `maxOldSpaceMb`. */
  readonly maxOldGenerationSizeMb?: number | undefined;
  /** What of the heap is for objects that were just made, in MiB. */
  readonly maxYoungGenerationSizeMb?: number | undefined;
  /** The stack, in MiB, 4 at the most. */
  readonly stackSizeMb?: number | undefined;
}

/** What the options of a child say of its limits. */
export function limitsOf(options: {
  readonly maxOldSpaceMb?: number | undefined;
  readonly resourceLimits?: ResourceLimits | undefined;
}): ResourceLimits {
  const { maxOldSpaceMb, resourceLimits } = options;
  return { ...resourceLimits, maxOldGenerationSizeMb: maxOldSpaceMb ?? resourceLimits?.maxOldGenerationSizeMb };
}

/** The flags by which a new node has these limits. */
export function flagsOfLimits({ maxOldGenerationSizeMb, maxYoungGenerationSizeMb, stackSizeMb }: ResourceLimits): string[] {
  const flags: string[] = [];
  if (maxOldGenerationSizeMb !== undefined) flags.push(`--max-old-space-size=${Math.ceil(maxOldGenerationSizeMb)}`);
  // V8 counts the young generation as three semi-spaces.
  if (maxYoungGenerationSizeMb !== undefined)
    flags.push(`--max-semi-space-size=${Math.max(1, Math.round(maxYoungGenerationSizeMb / 3))}`);
  if (stackSizeMb !== undefined) flags.push(`--stack-size=${Math.floor(stackSizeMb * KIB_PER_MIB)}`);
  return flags;
}

/** @throws {TypeError|RangeError} If it is no set of limits, or names one that there is not. */
export function checkResourceLimits(limits: unknown): void {
  const act = 'Cannot create a process: resourceLimits';
  if (typeof limits !== 'object' || limits === null) throw new TypeError(`${act} must be an object, received ${String(limits)}`);
  for (const [name, value] of Object.entries(limits)) {
    const most = name === 'stackSizeMb' ? MOST_STACK_MB : Number.MAX_SAFE_INTEGER;
    if (!NAMES.includes(name)) throw new TypeError(`${act} knows ${NAMES.join(', ')} only, received ${name}`);
    if (value === undefined) continue;
    if (typeof value !== 'number') throw new TypeError(`${act}.${name} must be a number of MiB, received ${String(value)}`);
    if (!(value > 0 && value <= most))
      throw new RangeError(
        `${act}.${name} must be above 0${most === MOST_STACK_MB ? ' and at most 4' : ''} MiB, received ${value}`,
      );
  }
}

const NAMES: readonly string[] = ['maxOldGenerationSizeMb', 'maxYoungGenerationSizeMb', 'stackSizeMb'];
/** What the system gives a process is 8 MiB, and what node gives a thread is 4. */
const MOST_STACK_MB = 4;
const KIB_PER_MIB = 1024;
