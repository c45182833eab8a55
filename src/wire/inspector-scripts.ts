/**
 * From V8's number of a script to its URL and its text.
 *
 * Runs in the process that sends a function. Scripts on the call stack are found there (35–85 µs), others among those whose
 * functions V8 counts, without being asked to (2–7 ms); what is not there costs one Debugger.enable/disable pair (15–110 ms
 * the first time, because V8 makes a hash of every script then; 5 ms later), always closed within the tick, because `await`
 * is many times slower while the Debugger is on.
 */
import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as util from 'node:util';
import { collectEvents, post } from './inspector-session.js';

const urls = new Map<string, string>();
const texts = new Map<string, string>();

/** The URL of a script: `file:` for files, `''` for the text of an eval. */
export function scriptUrl(scriptId: string): string {
  const known = scriptUrlOnStack(scriptId);
  if (known !== undefined) return known;
  noteCountedScripts();
  if (!urls.has(scriptId)) noteAllScripts();
  const url = urls.get(scriptId) ?? '';
  urls.set(scriptId, url);
  return url;
}

/** The URL of a script that is known, or that is on the call stack. */
export function scriptUrlOnStack(scriptId: string): string | undefined {
  if (!urls.has(scriptId)) noteCallStack();
  return urls.get(scriptId);
}

/** The text of a script as the user wrote it if it is a file, else as V8 compiled it; `''` if neither can be had. */
export function scriptText(scriptId: string, url: string): string {
  const known = texts.get(scriptId);
  if (known !== undefined) return known;
  const text = readSource(url) ?? compiledText(scriptId);
  texts.set(scriptId, text);
  return text;
}

/** The text of a script as V8 compiled it. */
export function compiledText(scriptId: string): string {
  try {
    post('Debugger.enable');
    return post<{ scriptSource: string }>('Debugger.getScriptSource', { scriptId }).scriptSource;
  } catch {
    return '';
  } finally {
    post('Debugger.disable');
  }
}

/** The text of a file named by a URL with or without a query. */
export function readSource(url: string): string | undefined {
  if (!url.startsWith('file:')) return undefined;
  try {
    return readFileSync(fileURLToPath(url.replace(/[?#].*$/, '')), 'utf8');
  } catch {
    return undefined;
  }
}

interface CallSite {
  readonly scriptId?: string;
  readonly scriptName?: string;
}
type GetCallSites = (frames: number, options: { sourceMap: boolean }) => CallSite[];

function noteCallStack(): void {
  const { getCallSites } = util as unknown as { getCallSites?: GetCallSites };
  if (getCallSites !== undefined) {
    for (const { scriptId, scriptName } of getCallSites(MAX_FRAMES, { sourceMap: false })) {
      if (scriptId !== undefined && scriptName !== undefined) note(scriptId, scriptName);
    }
    return;
  }
  post('Runtime.enable');
  try {
    const { exceptionDetails } = post<{
      exceptionDetails?: { stackTrace?: { callFrames: { scriptId: string; url: string }[] } };
    }>('Runtime.evaluate', { expression: 'throw 0', silent: true });
    for (const { scriptId, url } of exceptionDetails?.stackTrace?.callFrames ?? []) note(scriptId, url);
  } finally {
    post('Runtime.disable');
  }
}

/** It needs no `Profiler.enable`, and takes nothing from the counts of those who measure coverage. */
function noteCountedScripts(): void {
  try {
    const { result } = post<{ result: { scriptId: string; url: string }[] }>('Profiler.getBestEffortCoverage');
    for (const { scriptId, url } of result) note(scriptId, url);
  } catch {
    // The debugger knows all of them.
  }
}

function noteAllScripts(): void {
  const events = collectEvents<{ scriptId: string; url: string }>('Debugger.scriptParsed', () => {
    post('Debugger.enable');
    post('Debugger.disable');
  });
  for (const { scriptId, url } of events) note(scriptId, url);
}

function note(scriptId: string, name: string): void {
  urls.set(scriptId, isAbsolute(name) ? pathToFileURL(name).href : name);
}

const MAX_FRAMES = 100;
