/**
 * The accounts of a loop that kills workers: a file in which tasks note that they run and where, and what of that is wrong.
 *
 * Runs in test processes; `kill-loop-tasks.mjs` writes the file, in workers.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { activeChildren } from 'multiproc';
import { withDeadline } from '../support/deadline.js';
import { familyOf } from '../support/family.js';
import type { Choose } from '../support/seeded-random.js';

/** A call that takes longer hangs. */
export const SETTLES_WITHIN_MS = 60_000;
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
  readonly #below: Choose;
  #looked = 0;
  #kills = 0;

  constructor(below: Choose) {
    this.#below = below;
    this.path = join(this.#folder, 'ran');
    writeFileSync(this.path, '');
  }

  /** Workers killed so far. */
  get kills(): number {
    return this.#kills;
  }

  /**
   * Keeps `most` calls pending and kills workers meanwhile, until so many have been killed or `call` is taken no more.
   * @returns The calls that are pending then.
   */
  async loadAndKill(call: () => Promise<unknown> | undefined, most: number, untilKills: number): Promise<Set<Promise<unknown>>> {
    const pending = new Set<Promise<unknown>>();
    let going = true;
    const load = async () => {
      while (going) {
        while (going && pending.size < most) {
          const made = call();
          if (made === undefined) going = false;
          else {
            pending.add(made);
            void made.then(() => pending.delete(made));
          }
        }
        await sleep(1);
      }
    };
    const loading = load();
    while (going && this.#kills < untilKills) {
      await sleep(1 + this.#below(50));
      this.#killOne();
    }
    going = false;
    await withDeadline(loading, SETTLES_WITHIN_MS, 'the load');
    return pending;
  }

  /** Kills a living worker, mostly one that is at work: too many deaths while starting break everything. */
  #killOne(): void {
    const below = this.#below;
    const pids = activeChildren().flatMap(({ pid }) => pid ?? []);
    this.#look();
    const choice = below(30) === 0 ? pids : pids.filter((pid) => this.#atWork.has(pid));
    const victim = choice[below(choice.length)];
    if (victim === undefined) return;
    try {
      process.kill(victim, SIGNALS[below(SIGNALS.length)]);
      this.#kills++;
    } catch {
      // dead already
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
    console.log(`${JSON.stringify({ ...counts, kills: this.#kills })} in ${((performance.now() - began) / 1000).toFixed(1)} s`);
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
