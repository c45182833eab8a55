/**
 * Which of the parent's flags of Node a child gets: loaders, limits and permissions yes; the inspector, evaluated
 * text, test runners and profilers no.
 *
 * Runs in the parent, at each start of a child. A debugger port is taken, `--eval` would run again, and inside
 * `node --test` there are forty flags.
 */

/** The flags of this process that its children need, in the same order. */
export function execArgvForChild(flags: readonly string[] = process.execArgv): string[] {
  const kept: string[] = [];
  for (let i = 0; i < flags.length; i += 1) {
    const flag = flags[i] ?? '';
    const next = flags[i + 1];
    const name = nameOfFlag(flag);
    const hasValue = TAKES_VALUE.has(name) && !flag.includes('=') && next !== undefined;
    if (hasValue) i += 1;
    if (!flag.startsWith('-') || isDropped(name)) continue;
    kept.push(flag);
    if (hasValue) kept.push(next);
  }
  return kept;
}

/**
 * NODE_OPTIONS for a child: that of `env`, without the inspector.
 *
 * @returns `undefined` if nothing is left of it.
 */
export function childNodeOptions(env: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  const options = env['NODE_OPTIONS'];
  if (options === undefined) return undefined;
  // Quoted words may hold spaces; a quote may stand in the middle of a word.
  const words = options.match(/(?:[^\s"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  const kept: string[] = [];
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] ?? '';
    const name = nameOfFlag(word);
    if (!DROPPED_OPTION.test(name)) kept.push(word);
    else if (TAKES_VALUE.has(name) && !word.includes('=')) i += 1;
  }
  return kept.length === 0 ? undefined : kept.join(' ');
}

function nameOfFlag(flag: string): string {
  const name = flag.replace(/=[^]*$/, '');
  return name.startsWith('--') ? name.replaceAll('_', '-') : name;
}

function isDropped(name: string): boolean {
  return DROPPED.has(name) || DROPPED_FAMILY.test(name);
}

const DROPPED: ReadonlySet<string> = new Set(
  (
    '-e -p -pe --eval --print -i --interactive -c --check --input-type --build-snapshot ' +
    '--build-snapshot-config --experimental-sea-config --build-sea --run --env-file --env-file-if-exists --debug-port --prof --title ' +
    '--entry-url --experimental-entry-url'
  ).split(' '),
);
const DROPPED_FAMILY =
  /^--(?:inspect|test|watch|experimental-test|cpu-prof|heap-prof|heapsnapshot|redirect-warnings|trace-event|report-|debug$|debug-)/;
const DROPPED_OPTION = /^--(?:inspect|debug-port|test|watch)/;
/** Flags whose value may be the next word. */
const TAKES_VALUE: ReadonlySet<string> = new Set(
  (
    '-r --require --import --loader --experimental-loader -C --conditions -e -p -pe --eval --print --input-type --env-file --env-file-if-exists ' +
    '--max-old-space-size --max-semi-space-size --stack-trace-limit --disable-warning --dns-result-order --icu-data-dir --openssl-config ' +
    '--allow-fs-read --allow-fs-write --max-http-header-size --secure-heap --secure-heap-min --tls-cipher-list --tls-keylog --tls-min-v1 ' +
    '--title --unhandled-rejections --use-largepages --v8-pool-size --diagnostic-dir --localstorage-file --experimental-default-type ' +
    '--policy-integrity --test-name-pattern --test-skip-pattern --test-reporter --test-reporter-destination --test-concurrency --test-timeout ' +
    '--test-shard --test-isolation --test-coverage-include --test-coverage-exclude --test-global-setup --watch-path --watch-kill-signal ' +
    '--debug-port --inspect-port --inspect-publish-uid --build-snapshot-config --experimental-sea-config --build-sea --run --redirect-warnings ' +
    '--trace-event-categories --trace-event-file-pattern --cpu-prof-dir --cpu-prof-name --cpu-prof-interval --heap-prof-dir --heap-prof-name ' +
    '--heap-prof-interval --heapsnapshot-signal --heapsnapshot-near-heap-limit --report-dir --report-directory --report-filename ' +
    '--report-signal --network-family-autoselection-attempt-timeout'
  ).split(' '),
);
