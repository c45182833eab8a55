/**
 * The run of `multiproc map`: items → batches → workers → journal → lines, in order, in constant memory.
 *
 *   source ─ feed() ─ batches ─ compute() ─ runner ─► journal ─► emit(), one batch after the other ─► sink
 *               ▲                                                        │
 *               └── waits while too much is running or not yet written ◄─┘
 *
 * Runs in the parent. Stops by its `StopSwitch` alone; never ends the workers and closes no file: who opened them does.
 */
import { BrokenExecutorError, CancelledError, ClosedError } from '../errors.js';
import { ChunkSizer } from './chunk-sizer.js';
import type { Journal } from './journal.js';
import type { LineSink } from './line-sink.js';
import type { BatchResult, ErrorRecord, Target } from './map-task.js';
import type { MapOptions } from './map-options.js';
import { type Outcome, outcomesOf, recordOf, resultLength } from './outcome.js';
import type { ProgressCounts } from './progress.js';
import type { Item, Source } from './source.js';
import type { StopSwitch } from './stop.js';
import type { TaskRunner } from './task-runner.js';

/** All that a run works with. */
export interface MapJob {
  readonly options: MapOptions;
  readonly target: Target;
  readonly source: Source;
  readonly runner: TaskRunner;
  /** Processes that the runner has. */
  readonly processes: number;
  readonly journal: Journal | undefined;
  readonly sink: LineSink;
  /** Called for each failed item that is reached, in output order; the run waits for it. */
  readonly onItemError: (item: Item, error: ErrorRecord) => Promise<unknown>;
  readonly stop: StopSwitch;
}

/** One run; `run()` is called once. */
export class MapRun {
  readonly #job: MapJob;
  readonly #chunks: ChunkSizer;
  readonly #maxRunning: number;
  #running = 0;
  #unwrittenLength = 0;
  #unwrittenItems = 0;
  #done = 0;
  #replayed = 0;
  #failed = 0;
  #sawError = false;
  /** Of the newest batch; in order, it is written last. */
  #written: Promise<void> = Promise.resolve();
  readonly #writing = new Set<Promise<void>>();
  #wakeFeed: (() => void) | undefined;

  constructor(job: MapJob) {
    this.#job = job;
    this.#chunks = new ChunkSizer(job.options);
    this.#maxRunning = job.processes * BATCHES_PER_PROCESS;
  }

  /** What is done so far. */
  get counts(): ProgressCounts {
    return { total: this.#job.source.total, done: this.#done, replayed: this.#replayed, failed: this.#failed };
  }

  /** Resolves when every item is written, or the run is stopped; then `stop.reason` says why. */
  async run(): Promise<void> {
    const { stop } = this.#job;
    stop.signal.addEventListener('abort', () => this.#wake(), { once: true });
    const all = this.#feed()
      .then(() => Promise.all(this.#writing))
      .catch((error: unknown) => stop.stop({ kind: 'failed', error }));
    await Promise.race([all, stop.stopped()]);
  }

  async #feed(): Promise<void> {
    const { source, stop } = this.#job;
    for await (const group of source.groups(stop.signal)) {
      for (const slot of this.#slots(group)) {
        await this.#room();
        if (stop.signal.aborted || this.#feedEnds()) return;
        this.#start(slot);
      }
    }
  }

  /** Cuts a group into batches and stretches that the journal has finished. Lazy: the chunk size follows the run. */
  *#slots(group: readonly Item[]): Generator<Slot> {
    const { journal } = this.#job;
    for (let start = 0; start < group.length; ) {
      const finished = isFinished(group[start], journal);
      const limit = finished ? REPLAY_ITEMS : this.#chunks.size;
      let end = start;
      let length = 0;
      while (end < group.length && end - start < limit && length < BATCH_LENGTH && isFinished(group[end], journal) === finished) {
        length += group[end++]?.text.length ?? 0;
      }
      yield { items: group.slice(start, end), finished };
      start = end;
    }
  }

  #start(slot: Slot): void {
    this.#running++;
    this.#unwrittenItems += slot.items.length;
    const outcomes = slot.finished ? this.#replay(slot.items) : this.#compute(slot.items);
    const done = outcomes.then((found) => this.#completed(found)).catch((error: unknown) => this.#fail(error));
    const turn = this.#job.options.unordered ? done : this.#written.then(() => done);
    const written = turn.then(() => this.#emit(slot, outcomes));
    this.#written = written;
    this.#writing.add(written);
    void written.finally(() => this.#writing.delete(written));
  }

  async #replay(items: readonly Item[]): Promise<Outcome[]> {
    const { journal } = this.#job;
    const outcomes = items.map((item) => ({ json: journal?.read(item) ?? 'null' }));
    this.#replayed += items.length;
    return outcomes;
  }

  /** Runs a batch; one that fails as a whole is run again item by item, to find the one that did it. */
  async #compute(items: readonly Item[]): Promise<Outcome[]> {
    const { options, stop, journal } = this.#job;
    const alone = items.length === 1;
    let result: BatchResult;
    try {
      result = await this.#submit(items, alone ? options.retries : 0);
    } catch (error) {
      if (stop.signal.aborted || endsTheRun(error)) throw error;
      if (alone) return [{ error: recordOf(error) }];
      const single = await Promise.all(items.map((item) => this.#compute([item])));
      return single.flat();
    }
    this.#chunks.observe(items.length, result.elapsed);
    const outcomes = outcomesOf(result);
    journal?.append(items.flatMap((item, at) => (outcomes[at]?.json === undefined ? [] : [{ item, json: outcomes[at].json }])));
    return outcomes;
  }

  #submit(items: readonly Item[], retries: number): Promise<BatchResult> {
    const { target, source, options, runner } = this.#job;
    const timeout = options.timeout === undefined ? undefined : options.timeout * items.length;
    return runner.run({ target, format: source.format, items: items.map((item) => item.text), timeout, retries });
  }

  #completed(outcomes: readonly Outcome[]): void {
    const failed = outcomes.filter((outcome) => outcome.error !== undefined).length;
    this.#running--;
    this.#done += outcomes.length;
    this.#failed += failed;
    this.#unwrittenLength += resultLength(outcomes);
    if (failed > 0) this.#sawError = true;
    this.#wake();
  }

  async #emit(slot: Slot, computed: Promise<Outcome[]>): Promise<void> {
    const { sink, stop, onItemError, options } = this.#job;
    if (stop.signal.aborted) return;
    const outcomes = await computed;
    let text = '';
    for (const [at, outcome] of outcomes.entries()) {
      const item = slot.items[at] as Item;
      if (outcome.json !== undefined) {
        text += this.#line(item, outcome.json);
        continue;
      }
      await onItemError(item, outcome.error);
      if (options.onError === 'skip') continue;
      await sink.write(text);
      stop.stop({ kind: 'item-failed' });
      return;
    }
    await sink.write(text);
    this.#unwrittenItems -= slot.items.length;
    this.#unwrittenLength -= resultLength(outcomes);
    this.#wake();
  }

  #line({ index, text }: Item, json: string): string {
    if (!this.#job.options.withInput) return `${json}\n`;
    const input = this.#job.source.format === 'ndjson' ? text.trim() : JSON.stringify(text);
    return `{"index":${index},"input":${input},"result":${json}}\n`;
  }

  #fail(error: unknown): void {
    this.#running--;
    this.#job.stop.stop({ kind: 'failed', error });
  }

  /** After an error under `--on-error stop` nothing new is started; what stands before it is still written. */
  #feedEnds(): boolean {
    return this.#sawError && this.#job.options.onError === 'stop';
  }

  async #room(): Promise<void> {
    while (!this.#job.stop.signal.aborted && !this.#feedEnds() && this.#isFull()) {
      await new Promise<void>((resolve) => {
        this.#wakeFeed = resolve;
      });
    }
  }

  #isFull(): boolean {
    return (
      this.#running >= this.#maxRunning || this.#unwrittenLength > UNWRITTEN_LENGTH || this.#unwrittenItems > UNWRITTEN_ITEMS
    );
  }

  #wake(): void {
    this.#wakeFeed?.();
  }
}

interface Slot {
  readonly items: readonly Item[];
  /** The journal has the results of all of them. */
  readonly finished: boolean;
}

function isFinished(item: Item | undefined, journal: Journal | undefined): boolean {
  return item !== undefined && journal !== undefined && journal.has(item.index);
}

/** Errors of the run, not of an item. */
function endsTheRun(error: unknown): boolean {
  return error instanceof BrokenExecutorError || error instanceof ClosedError || error instanceof CancelledError;
}

const BATCHES_PER_PROCESS = 8;
const BATCH_LENGTH = 1024 * 1024;
const REPLAY_ITEMS = 256;
const UNWRITTEN_LENGTH = 64 * 1024 * 1024;
const UNWRITTEN_ITEMS = 50_000;
