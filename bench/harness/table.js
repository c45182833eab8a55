/**
 * Figures of a case, and the table that shows them. Runs in the bench process; pure.
 *
 * @typedef {{ median: number, min: number, max: number, gain: number | null }} Figures
 */
import { median } from './driver-kit.js';

/**
 * @param {import('./schedule.js').Row[]} rows
 * @param {'lower' | 'higher'} better
 * @returns {(Figures | null)[]} null for a row without samples; `gain` above 1: ours is better than this row
 */
export function figuresOf(rows, better) {
  const ours = rows.find((row) => row.ours && row.samples.length > 0);
  const base = ours && median(ours.samples);
  return rows.map(({ samples }) => {
    if (samples.length === 0) return null;
    const middle = median(samples);
    const gain = base === undefined ? null : better === 'lower' ? middle / base : base / middle;
    return { median: middle, min: Math.min(...samples), max: Math.max(...samples), gain };
  });
}

/**
 * @param {string} scenarioName
 * @param {import('./scenario.js').Case} testCase
 * @param {import('./schedule.js').Row[]} rows
 * @returns {string}
 */
export function tableOf(scenarioName, testCase, rows) {
  const better = testCase.better ?? 'lower';
  const figures = figuresOf(rows, better);
  const width = Math.max(...rows.map(({ driver }) => driver.length));
  const lines = rows.map((row, index) => `  ${row.driver.padEnd(width)}  ${columnsOf(row, figures[index])}`);
  const header = `  ${`${testCase.unit}, ${better} is better`.padEnd(width)}  ${['median', 'min', 'max', 'our gain'].map(right).join('')}`;
  return [`${scenarioName} · ${testCase.name}`, header, ...lines].join('\n');
}

/** @param {import('./schedule.js').Row} row @param {Figures | null} figures */
function columnsOf(row, figures) {
  const note = notesOf(row).join('; ');
  if (!figures) return note || 'not run';
  const gain = figures.gain === null ? '–' : `${short(figures.gain)}x`;
  return [figures.median, figures.min, figures.max].map(short).concat(gain).map(right).join('') + (note && `  ${note}`);
}

/** @param {import('./schedule.js').Row} row */
function notesOf({ misses, remarks, leftBehind }) {
  const notes = misses.map(({ status, reason }) => {
    const [firstLine] = reason.split('\n');
    return status === 'not measured' ? firstLine : `${status.toUpperCase()}: ${firstLine}`;
  });
  notes.push(...remarks);
  if (leftBehind > 0) notes.push(`left ${leftBehind} processes behind`);
  return [...new Set(notes)].map((note) => {
    const times = notes.filter((other) => other === note).length;
    return times > 1 ? `${note} (${times} times)` : note;
  });
}

/** @param {number} value @returns {string} three significant digits or all digits before the point */
export function short(value) {
  if (value >= 100) return value.toFixed(0);
  return value.toPrecision(3);
}

const right = (/** @type {string} */ text) => text.padStart(11);
