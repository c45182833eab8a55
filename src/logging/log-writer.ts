/**
 * A child's way to its parent's handlers: writes records into its own shared memory and wakes the parent.
 *
 * Runs in children; its first record makes the memory. Takes no lock, and never waits but for room for an error, so long only
 * as its parent reads; an error that finds no room is printed on this child's stderr instead.
 *
 * Who may die at which step: see `log-lane.ts` and `log-ring.ts`. A child killed between saying that the parent shall look
 * (`SLOT_LOGS_LOOK`) and ringing leaves the others silent: its death rings the parent, which then looks.
 */
import type { Bell } from '../substrate/doorbell.js';
import { now } from '../substrate/clock.js';
import { faultPoint } from '../substrate/fault.js';
import { SLOT_LOGS_LOOK } from '../substrate/layout.js';
import { type ParticipantId, slotOf, slotWords } from '../substrate/participants.js';
import { escapeControls } from './escape-controls.js';
import { ERROR_NUMBER, levelNumber } from './levels.js';
import { BELOW_ERROR, ERRORS, LaneWriter, makeLog } from './log-lane.js';
import { decodeRecord, encodeRecord, levelOfFlags, type LogRecord } from './record-text.js';
import { textOfMessage } from './message-text.js';
import { printLine } from '../substrate/stderr.js';

/** The reader is taken for stuck when it has read nothing for so long. */
const STUCK_MS = 1000;
const LOOK_MS = 2;
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));

export class LogWriter {
  readonly #parent: ParticipantId;
  readonly #bell: Bell;
  readonly #looks: Int32Array;
  #lanes: readonly [LaneWriter, LaneWriter] | undefined;
  #order = 0;

  constructor(parent: ParticipantId, bell: Bell) {
    this.#parent = parent;
    this.#bell = bell;
    this.#looks = slotWords(slotOf(parent));
  }

  /** Sends a record made here. */
  write(record: LogRecord, stamp: string): void {
    const { text, flags } = encodeRecord(record, stamp);
    this.relay(text, flags, now());
  }

  /** Sends a record as it came from a child of this child. */
  relay(text: string, flags: number, time: number): void {
    const lane = levelNumber(levelOfFlags(flags)) >= ERROR_NUMBER ? ERRORS : BELOW_ERROR;
    const entry = { text, flags, time, order: this.#order++ >>> 0 };
    const lanes = (this.#lanes ??= openLanes());
    const written = lanes[lane].write(entry, this.#waitForReader);
    this.#since = 0;
    if (!written && lane === ERRORS) printHere(text, flags);
    this.#wake();
  }

  #since = 0;

  readonly #waitForReader = (hasMoved: boolean): boolean => {
    if (hasMoved || this.#since === 0) this.#since = now();
    this.#wake();
    Atomics.wait(NEVER_WOKEN, 0, 0, LOOK_MS);
    if (now() - this.#since < STUCK_MS) return true;
    this.#since = 0;
    return false;
  };

  #wake(): void {
    if (Atomics.load(this.#looks, SLOT_LOGS_LOOK) === this.#parent) return; // it will look by itself
    Atomics.store(this.#looks, SLOT_LOGS_LOOK, this.#parent);
    faultPoint('log.beforeRing');
    this.#bell.ring();
  }
}

function openLanes(): [LaneWriter, LaneWriter] {
  const offset = makeLog();
  return [new LaneWriter(offset, BELOW_ERROR), new LaneWriter(offset, ERRORS)];
}

function printHere(text: string, flags: number): void {
  try {
    const record = decodeRecord(text, flags);
    const line = `[${record.level.toUpperCase()}/${String(record.properties['processName'])}] ${textOfMessage(record)}`;
    printLine(escapeControls(line));
  } catch {
    // There is nowhere left to say it.
  }
}
