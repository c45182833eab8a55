/**
 * The accounts of a loop that kills workers: a file in which tasks note that they run and where, and what of that is wrong.
 *
 * Runs in test processes; `kill-loop-tasks.mjs` writes the file, in workers.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { activeChildren } from 'multiproc';
import { familyOf } from '../support/family.js';
import type { Choose } from '../support/seeded-random.js';

const SIGNALS = ['SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGSEGV', 'SIGTERM', 'SIGABRT'] as const;

export class TaskLog {
  /** The file. */
  readonly path: string;
  readonly complaints: string[] = [];
  /** Tasks whose results came. */
  readonly resolved = new Set<number>();
  readonly #folder = mkdtempSync(join(tmpdir(), 'multiproc-kill-loop-'));
  /** How often each task ran. */
  readonly #runs = new Map<number, number>();
  /** Workers that have begun a task. */
  readonly #atWork = new Set<number>();
  #looked = 0;

  constructor() {
    this.path = join(this.#folder, 'ran');
    writeFileSync(this.path, '');
  }

  /** Kills a living worker, mostly one that is at work: too many deaths while starting break everything. @returns Whether it did. */
  killOne(below: Choose): boolean {
    const pids = activeChildren().flatMap(({ pid }) => pid ?? []);
    this.#look();
    const choice = below(30) === 0 ? pids : pids.filter((pid) => this.#atWork.has(pid));
    const victim = choice[below(choice.length)];
    if (victim === undefined) return false;
    try {
      return process.kill(victim, SIGNALS[below(SIGNALS.length)]);
    } catch {
      return false; // dead already
    }
  }

  /** Runs the loop to its end, says what it came to, and ends this process with 0 if there is nothing to complain of. */
  async account(loop: () => Promise<void>, counts: object, seed: number): Promise<never> {
    const began = performance.now();
    try {
      await loop();
      this.#check();
      const left = familyOf();
      if (left.length > 0) this.complaints.push(`left behind: ${left.map(({ command }) => command).join(', ')}`);
    } catch (error) {
      this.complaints.push(String(error));
    } finally {
      rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 });
    }
    console.log(`${JSON.stringify(counts)} in ${((performance.now() - began) / 1000).toFixed(1)} s`);
    for (const complaint of this.complaints.slice(0, 20)) console.error(`COMPLAINT ${complaint}`);
    console.log(this.complaints.length === 0 ? 'every call is accounted for' : `seed ${seed} fails`);
    process.exit(this.complaints.length === 0 ? 0 : 1);
  }

  /** A task that is resolved ran once, any other at most once. */
  #check(): void {
    this.#look();
    for (const [id, times] of this.#runs) if (times > 1) this.complaints.push(`task ${id} ran ${times} times`);
    for (const id of this.resolved) if (!this.#runs.has(id)) this.complaints.push(`task ${id} is resolved and never ran`);
  }

  /** Books what the tasks have noted since the last look. */
  #look(): void {
    const text = readFileSync(this.path, 'utf8');
    const news = text.slice(this.#looked, text.lastIndexOf('\n') + 1);
    this.#looked += news.length;
    for (const line of news.split('\n').filter(Boolean)) {
      const [id, pid] = line.split(' ').map(Number) as [number, number];
      this.#runs.set(id, (this.#runs.get(id) ?? 0) + 1);
      this.#atWork.add(pid);
    }
  }
}
