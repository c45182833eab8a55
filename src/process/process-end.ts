/**
 * The order in which a process or thread ends: finalizers, daemons, other children, last finalizers; before that one line
 * about the work that is left undone.
 *
 * Runs in every process and thread that has children, finalizers or work in children; each part registers its own step.
 *
 * A child whose target has settled takes its time for each step. At the end of a main program its children are over,
 * because they keep it alive; after `process.exit()` or an uncaught error they die with it, and nothing is awaited.
 */
import { currentName } from './identity.js';
import { printLine } from '../substrate/stderr.js';

const STAGES = ['finalizers', 'daemons', 'children', 'last finalizers'] as const;

/** One stage of an end. */
export interface EndStep {
  /** Where nothing can be awaited any more. */
  readonly now?: () => void;
  readonly inTime: () => Promise<void>;
}

const steps = new Map<(typeof STAGES)[number], EndStep>();

/** Work that the end of this process may leave undone. */
export interface Work {
  readonly sort: 'tasks' | 'children';
  /** How many of them are undone. */
  undone(): number;
  /** What the user calls them. */
  names?(): string;
}

const works = new Set<Work>();
let watching = false;

/** Does this at the end. */
export function addEndStep(stage: (typeof STAGES)[number], step: EndStep): void {
  steps.set(stage, step);
  watchEnd();
}

/** Is named at the end if it is undone then. */
export function addWork(work: Work): void {
  works.add(work);
  watchEnd();
}

export function removeWork(work: Work): void {
  works.delete(work);
}

/** The end of a child whose target has settled, up to its exit. */
export async function endInOrder(): Promise<void> {
  for (const stage of STAGES) await steps.get(stage)?.inTime();
}

/** Tells the user what is wrong where nobody else can be told any more. */
export function lastWords(text: string): void {
  try {
    printLine(text);
  } catch {
    // nor can the user
  }
}

/** `2 tasks and 1 child (Process-1)`; empty: nothing is undone. */
function undoneWork(): string {
  const parts = (['tasks', 'children'] as const).flatMap((sort) => {
    const undone = [...works].filter((work) => work.sort === sort && work.undone() > 0);
    const count = undone.reduce((sum, work) => sum + work.undone(), 0);
    const names = undone.flatMap((work) => work.names?.() ?? []).join(', ');
    return count === 0 ? [] : [`${count} ${count === 1 ? SINGULARS[sort] : sort}${names === '' ? '' : ` (${names})`}`];
  });
  return parts.join(' and ');
}

function watchEnd(): void {
  if (watching) return;
  watching = true;
  process.on('exit', () => {
    const undone = undoneWork();
    if (undone !== '') lastWords(`multiproc: ${currentName()} ends and abandons ${undone}`);
    for (const stage of STAGES) steps.get(stage)?.now?.();
  });
}

const SINGULARS = { tasks: 'task', children: 'child' } as const;
