/**
 * Keeps this process's level table as its loggers are configured.
 *
 * Runs in parents.
 */
import { upstreamLevels } from './forwarder.js';
import { lowestOfHandlers, onHandlersChange } from './handlers.js';
import { type LevelEntry, LevelTableWriter } from './level-table.js';
import { levelsOf, onConfigured } from './logtape-registry.js';
import { rootLogger, whenLoaded } from './logtape-root.js';
import { onOwnSettings, ownSettings } from './own-settings.js';
import { atLeast } from './wanted-levels.js';

let table: LevelTableWriter | undefined;

/** Where the table lies, as up to date as can be; for a child about to start. */
export function logTable(): number {
  if (table === undefined) {
    table = new LevelTableWriter();
    whenLoaded((root) => {
      queueMicrotask(update);
      onConfigured(root, update);
    });
    onHandlersChange(update);
    onOwnSettings(update);
  }
  update();
  return table.offset;
}

function update(): void {
  table?.write(wantedHere());
  table?.writeOwn(ownSettings());
}

/** Whether anybody has asked for the library's own messages. */
export function isHeard(): boolean {
  const { level, stderr } = ownSettings();
  return stderr || level !== null;
}

/** What this process does with records: it handles them, or hands them on to its own parent. */
function wantedHere(): LevelEntry[] {
  const root = rootLogger();
  return atLeast(root === undefined ? [...(upstreamLevels() ?? [])] : levelsOf(root), lowestOfHandlers());
}
