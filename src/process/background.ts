/**
 * Processes that serve others: they keep nobody alive, end with their parent, and may have children of their own.
 *
 * Runs in parents.
 */
import { addActive, removeActive } from './active-children.js';
import { born } from './birth.js';
import { kindOf } from './child-kind.js';
import { joinAsSender } from './family.js';
import { Process, type ProcessOptions } from './process.js';
import { RunningChild } from './running-child.js';
import { startFrames } from './start-frames.js';

/** What a background process is, and runs. */
export interface BackgroundRequest {
  /** Its name; with `counted` the numbers of its construction are appended. */
  readonly name: string;
  readonly counted: boolean;
  readonly target: (...args: never[]) => unknown;
  readonly args: readonly unknown[];
  readonly options: ProcessOptions;
}

/**
 * Starts one.
 *
 * @throws {SerializationError} If an argument cannot be sent; nothing is started then.
 * @throws {InvalidStateError} If a daemon process starts it.
 */
export async function startInBackground({ name: base, counted, target, args, options }: BackgroundRequest): Promise<Process> {
  joinAsSender();
  const kind = kindOf(Process);
  kind.checkOptions(options);
  await kind.prepare?.(options);
  const identity = kind.nextIdentity();
  const name = counted ? `${base}-${identity.join(':')}` : base;
  const frames = startFrames(
    { name, daemon: false, identity, startMethod: kind.startMethod(options) },
    { subclass: undefined, target: target as (...given: unknown[]) => unknown, args },
  );
  const running = new RunningChild({
    name: () => name,
    launch: (request) => kind.launch(options, request),
    onEnd: () => removeActive(started),
  });
  const started: Process = born({ identity, of: running }, () => new Process({ name, daemon: false }));
  addActive(started, { role: 'daemon', detached: false, child: running.child });
  for (const [frame, encoded] of frames) running.child.send(frame, encoded);
  return started;
}
