/**
 * Where the family's global words lie in the arena, and the words that C touches too.
 *
 * Runs in every process. `native/layout.h` has the same numbers; `test/substrate/layout.test.ts` compares them.
 *
 * ```text
 * 0        header (one page)
 * 4096     participants, 64 bytes each
 * 262144   extents table, 8 bytes each
 * extent 1 the first memory that is handed out (extent 0 is these tables)
 * ```
 */

export const HEADER_BYTES = 4096;
/** Header words. */
export const HEADER_MAGIC = 0;
export const HEADER_VERSION = 1;
/** log2 of an extent's size. */
export const HEADER_EXTENT_SHIFT = 2;
export const HEADER_EXTENT_COUNT = 3;
export const HEADER_SLOTS_USED = 8;
/** Counts processes and threads ever: the origin of their function ids. */
export const HEADER_ORIGINS = 9;
/** The family's first process: it outlives the others. Start time in clock ticks since boot, low and high half. */
export const HEADER_FOUNDER_PID = 16;
export const HEADER_FOUNDER_START_LOW = 17;
export const HEADER_FOUNDER_START_HIGH = 18;
/** Descriptors of the first process, each as its number and one: by which its supervisor is told what to do, and its keeper is reached. @public */
export const HEADER_SUPERVISOR = 20;
/** @public */
export const HEADER_KEEPER = 21;
/** How many descriptors the keeper has. */
export const HEADER_KEPT = 22;
/** Where the table of messages that are handed over lies (`channel/parcel-table.ts`), in lines of 64 bytes; 0: nowhere yet. */
export const HEADER_PARCELS = 23;

export const ARENA_MAGIC = 0x4d503031;
export const ARENA_VERSION = 1;

export const PARTICIPANTS_OFFSET = 4096;
export const PARTICIPANT_BYTES = 64;
export const PARTICIPANT_COUNT = 4032;
/** Words of a participant's slot. */
export const SLOT_STATE = 0;
export const SLOT_PID = 1;
export const SLOT_START_LOW = 2;
export const SLOT_START_HIGH = 3;
export const SLOT_DOORBELL = 4;
export const SLOT_ARMED = 5;
/** Id of the participant that claimed the slot for its child, or its own. */
export const SLOT_CLAIMER = 6;
/** Where the participant lists the shared objects that it holds, in lines of 64 bytes; 0: nowhere. */
export const SLOT_HOLDS = 7;
/** Where the participant's log lies, in lines of 64 bytes; 0: it has logged nothing. */
export const SLOT_LOGS = 8;
/** The participant's own id while it will look into its children's logs by itself; else they must ring. */
export const SLOT_LOGS_LOOK = 9;
/** The generation of the claim that `SLOT_CLAIMER` made. */
export const SLOT_CLAIMED_GENERATION = 10;
/** A slot's state word: generation << 2 | state. */
export const STATE_MASK = 3;
export const STATE_FREE = 0;
export const STATE_CLAIMED = 1;
export const STATE_LIVE = 2;
export const GENERATION_SHIFT = 2;

export const EXTENTS_OFFSET = 262_144;
export const EXTENT_ENTRY_BYTES = 8;
export const EXTENTS_MAX = 4096;
export const TABLES_END: number = EXTENTS_OFFSET + EXTENTS_MAX * EXTENT_ENTRY_BYTES;

export const PAGE_BYTES = 65_536;

/** A lock word: bits 31 and 30, and the owner. @public */
export const LOCK_WAITERS: number = 0x80000000 | 0;
/** @public */
export const LOCK_OWNER_DIED = 0x40000000;
export const LOCK_OWNER_MASK = 0x3fffffff;
/** Words of a lock's line beside the first; all of them are hints. @public */
export const LOCK_CROWD = 2;
/** @public */
export const LOCK_TURN = 3;
export const LOCK_LOOP_TURN = 4;
export const LINE_BYTES = 64;
