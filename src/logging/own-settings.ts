/**
 * How the library's own logger is set in this process: what was set here, else as in its parent.
 *
 * Runs in every process.
 */
import { captured } from './capture-state.js';
import { upstreamOwn } from './forwarder.js';
import type { OwnSettings } from './level-table.js';

const set: { level: OwnSettings['level'] | undefined; stderr: boolean } = { level: undefined, stderr: false };
let onChange: (() => void) | undefined;

/** The settings that count here. */
export function ownSettings(): OwnSettings {
  const above = captured() === undefined ? undefined : upstreamOwn();
  return {
    level: set.level === undefined ? (above?.level ?? null) : set.level,
    stderr: set.stderr || above?.stderr === true,
  };
}

export function setOwn(settings: Partial<OwnSettings>): void {
  Object.assign(set, settings);
  onChange?.();
}

/** Calls back when something is set. */
export function onOwnSettings(callback: () => void): void {
  onChange = callback;
}
