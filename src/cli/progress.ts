/**
 * The progress line on stderr: bar, items, rate, time left, errors.
 *
 * Runs in the parent. Its own ~100 lines instead of a package: error messages must pass above the bar, totals may be
 * unknown, and nothing may be left on the terminal when Ctrl-C comes.
 */

/** Where progress goes: stderr, or a stand-in. */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  /** Resolves when there is room for more. */
  write(text: string): Promise<void>;
}

/** What the line shows, asked for each time it is drawn. */
export interface ProgressCounts {
  readonly total: number | undefined;
  readonly done: number;
  /** How many of `done` came from a journal; they do not count for the rate. */
  readonly replayed: number;
  readonly failed: number;
}

/** A line that redraws itself on a terminal, or is printed now and then elsewhere. */
export class Progress {
  readonly #stream: ProgressStream;
  readonly #counts: () => ProgressCounts;
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #colour: boolean;
  #drawn = false;

  /** @param wanted Undefined: only on a terminal that can redraw a line. */
  constructor(
    stream: ProgressStream,
    options: { wanted: boolean | undefined; env: NodeJS.ProcessEnv; counts: () => ProgressCounts },
  ) {
    const terminal = stream.isTTY === true && options.env['TERM'] !== 'dumb';
    this.#stream = stream;
    this.#counts = options.counts;
    this.#colour = terminal && !options.env['NO_COLOR'];
    if (!(options.wanted ?? terminal)) return;
    const draw = terminal ? () => this.#draw() : () => void this.#stream.write(`${this.line(PIPE_COLUMNS)}\n`);
    this.#timer = setInterval(draw, terminal ? DRAW_INTERVAL_MS : PIPE_INTERVAL_MS).unref();
  }

  /** Writes a message on lines of its own, above the bar; resolves when there is room for more. */
  async message(text: string): Promise<void> {
    this.clear();
    await this.#stream.write(`${text}\n`);
  }

  /** Takes the bar off the terminal; the next draw puts it back. */
  clear(): void {
    if (this.#drawn) void this.#stream.write('\r\x1b[K');
    this.#drawn = false;
  }

  /** Ends the bar; where there was one, a summary of the run stays. */
  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    void this.message(this.#summary());
  }

  /** The line as text of at most `columns` characters. */
  line(columns: number): string {
    const { total, done, failed } = this.#counts();
    const seconds = (performance.now() - this.#started) / 1000;
    const rate = this.#rate(seconds);
    const left = total === undefined || rate === 0 ? undefined : (total - done) / rate;
    const errors = failed === 0 ? '' : `  ${failed} failed`;
    const counts = total === undefined ? `${done} items` : `${done}/${total}`;
    const time = left === undefined ? clock(seconds) : `ETA ${clock(left)}`;
    const text = `${counts}  ${perSecond(rate)}  ${time}${errors}`;
    const percent = total === undefined ? '' : `${Math.floor((100 * done) / Math.max(total, 1))}%`.padStart(4);
    const barWidth = Math.min(BAR_COLUMNS, columns - text.length - percent.length - 4);
    if (total === undefined || barWidth < 5) return `${percent.trim()} ${text}`.trim().slice(0, Math.max(columns, 0));
    return `${this.#bar(done / Math.max(total, 1), barWidth)}${percent}  ${text}`;
  }

  #draw(): void {
    void this.#stream.write(`\r\x1b[K${this.line((this.#stream.columns || PIPE_COLUMNS) - 1)}`);
    this.#drawn = true;
  }

  #bar(fraction: number, width: number): string {
    const full = Math.floor(Math.min(fraction, 1) * width);
    const done = '█'.repeat(full);
    return `${this.#colour ? `\x1b[32m${done}\x1b[39m` : done}${'░'.repeat(width - full)}`;
  }

  #rate(seconds: number): number {
    const { done, replayed } = this.#counts();
    return seconds === 0 ? 0 : (done - replayed) / seconds;
  }

  #summary(): string {
    const { done, replayed, failed } = this.#counts();
    const seconds = (performance.now() - this.#started) / 1000;
    const parts = [`${done} items in ${seconds.toFixed(1)} s (${perSecond(this.#rate(seconds))})`];
    if (replayed > 0) parts.push(`${replayed} of them from the journal`);
    if (failed > 0) parts.push(`${failed} failed`);
    return parts.join(', ');
  }
}

function perSecond(rate: number): string {
  return `${rate >= 10 ? Math.round(rate) : rate.toFixed(1)}/s`;
}

function clock(seconds: number): string {
  const whole = Math.min(Math.ceil(seconds), 359_999);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, '0');
  return hours === 0 ? `${minutes}:${rest}` : `${hours}:${String(minutes).padStart(2, '0')}:${rest}`;
}

const DRAW_INTERVAL_MS = 100;
const PIPE_INTERVAL_MS = 1000;
const PIPE_COLUMNS = 80;
const BAR_COLUMNS = 30;
