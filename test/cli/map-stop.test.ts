import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { leavesNothing } from '../support/census.js';
import { withDeadline } from '../support/deadline.js';
import { familyOf } from '../support/family.js';
import { Command, FUNCTIONS, lines, MAIN, polled, run, scratch } from './run-command.js';

const GATED = ['map', `${FUNCTIONS}#gated`, '--chunk-size', '1', '-p', '2'];
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

for (const [signal, code] of Object.entries(CODES)) {
  test(
    `multiproc map stops cleanly by ${signal}: exit code ${code}, journal whole, no process left`,
    leavesNothing(async (t) => {
      const cwd = scratch(t);
      const env = { LOG: join(cwd, 'log'), GATE: '9' };
      const command = new Command([...GATED, '--resume', 'my journal'], { cwd, env, input: lines(50) });
      await command.until(({ stdout }) => stdout.split('\n').length > 9, '9 results');
      command.child.kill(signal as NodeJS.Signals);
      const ended = await withDeadline(command.ended, 10_000, `the end by ${signal}`);
      assert.equal(ended.code, code);
      assert.equal(command.child.exitCode, code, 'an exit, not a death');
      assert.deepEqual(familyOf(), [], 'every worker is gone when the command is');
      assert.match(
        ended.stderr,
        new RegExp(`^multiproc: stopped by ${signal}; 9 items done\\. Go on with: multiproc map .*--resume 'my journal'\\n$`),
      );
      const journal = readFileSync(join(cwd, 'my journal'), 'utf8');
      assert.ok(journal.endsWith('}\n'));
      assert.equal(
        journal
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown).length,
        10,
      );
    }),
  );
}

test(
  'multiproc map ends at once by a second SIGINT, whoever does not read its output',
  leavesNothing(async (t) => {
    const command = new Command(['map', `${FUNCTIONS}#kilobytes`, '-p', '1'], { input: lines(2000) });
    command.child.stdout?.pause();
    await polled(() => familyOf().length >= 2, 'a worker');
    t.after(() => command.child.stdout?.resume());
    command.child.kill('SIGINT');
    command.child.kill('SIGINT');
    const exited = new Promise<void>((resolve) => command.child.once('exit', () => resolve()));
    await withDeadline(exited, 5000, 'the end by two SIGINTs');
    command.child.stdout?.resume();
    assert.equal((await command.ended).code, 130);
  }),
);

test(
  'multiproc map stops by SIGINT while it waits for stdin',
  leavesNothing(async () => {
    const command = new Command(['map', `${FUNCTIONS}#upper`]);
    command.child.stdin?.write('a\n');
    await command.until(({ stdout }) => stdout === '"A"\n', 'the first result, while stdin is open');
    command.child.kill('SIGINT');
    assert.equal((await withDeadline(command.ended, 10_000, 'the end')).code, 130);
  }),
);

test(
  'multiproc map stops by SIGINT while the module is still loading',
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    writeFileSync(join(cwd, 'slow.mjs'), "console.error('loading'); await new Promise((resolve) => setTimeout(resolve, 1e9));");
    const command = new Command(['map', 'slow.mjs'], { cwd, input: 'x' });
    await command.until(({ stderr }) => stderr.includes('loading'), 'the module to load');
    command.child.kill('SIGINT');
    const { code, stderr } = await withDeadline(command.ended, 10_000, 'the end');
    assert.deepEqual([code, stderr], [130, 'loading\nmultiproc: stopped by SIGINT before the first item\n']);
  }),
);

test(
  'multiproc map ends quietly with 0 when the reader of stdout leaves',
  leavesNothing(async (t) => {
    const command = new Command(['map', `${FUNCTIONS}#upper`]);
    const feed = setInterval(() => command.child.stdin?.writable && command.child.stdin.write('line\n'.repeat(1000)), 1);
    t.after(() => clearInterval(feed));
    await command.until(({ stdout }) => stdout.length > 0, 'results');
    command.child.stdout?.destroy();
    const ended = await withDeadline(command.ended, 10_000, 'the end after the reader left');
    assert.deepEqual([ended.code, ended.stderr], [0, '']);
  }),
);

test(
  'multiproc map does not read ahead of a reader that does not read',
  leavesNothing(async () => {
    const command = new Command(['map', `${FUNCTIONS}#kilobytes`, '-p', '1', '--chunk-size', '1']);
    command.child.stdout?.pause();
    let accepted = 0;
    const stuck = new Promise<void>((resolve) => {
      let timer = setTimeout(resolve, 1500);
      const feed = (): void => {
        command.child.stdin?.write('12345678\n'.repeat(10_000), (error) => {
          if (error) return;
          accepted += 10_000;
          clearTimeout(timer);
          timer = setTimeout(resolve, 1500);
          if (accepted < 1_000_000) feed();
          else resolve();
        });
      };
      feed();
    });
    await withDeadline(stuck, 25_000, 'the feed to get stuck');
    const memory = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${command.child.pid}/status`, 'utf8'))?.[1]) / 1024;
    command.child.kill('SIGINT');
    command.child.stdout?.resume();
    await command.ended;
    assert.ok(accepted < 1_000_000, `${accepted} items of 160 kB were taken`);
    assert.ok(memory < 500, `${memory} MiB`);
  }),
);

const canMount = process.getuid?.() === 0;

test(
  'multiproc map says when the disk of journal or output is full, exits with 1, and its workers are gone',
  { skip: canMount ? false : 'needs root to mount a small disk' },
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    const disk = join(cwd, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk], { stdio: 'pipe' });
    } catch {
      t.skip('mount is not permitted here');
      return;
    }
    t.after(() => execFileSync('umount', ['-l', disk]));
    for (const [option, what] of [
      ['--resume', 'the journal'],
      ['--output', ''],
      ['--errors', ''],
    ] as const) {
      const fails = option === '--errors';
      const args = [
        'map',
        `${FUNCTIONS}#${fails ? 'throwString' : 'kilobytes'}`,
        option,
        join(disk, 'file'),
        ...(fails ? ['--on-error', 'skip'] : []),
      ];
      const { code, stderr } = await run(args, { input: fails ? lines(20_000) : lines(200) });
      assert.match(stderr, new RegExp(`multiproc: cannot write ${what}.*disk/file.*ENOSPC`), option);
      assert.doesNotMatch(stderr, /\n {4}at /);
      assert.equal(code, 1);
      assert.deepEqual(familyOf(), []);
      execFileSync('sh', ['-c', `rm -f '${disk}'/*`]);
    }
  }),
);

test(
  'multiproc map writes to /dev/full with a clear error',
  leavesNothing(async () => {
    const { code, stderr } = await run(['map', `${FUNCTIONS}#upper`, '--output', '/dev/full'], { input: lines(3) });
    assert.match(stderr, /^multiproc: cannot write '\/dev\/full': ENOSPC/);
    assert.equal(code, 1);
  }),
);

test(
  'multiproc map shows no progress in a pipe, and one line per second with --progress',
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    assert.equal((await run(['map', `${FUNCTIONS}#upper`], { input: lines(3) })).stderr, '');
    const command = new Command([...GATED, '--progress'], { cwd, env: { LOG: join(cwd, 'log'), GATE: '2' }, input: lines(3) });
    await command.until(({ stderr }) => /^2 items .*\n/m.test(stderr), 'a progress line');
    command.child.kill('SIGINT');
    assert.doesNotMatch((await command.ended).stderr, /\x1b|\r/);
  }),
);

const hasScript = spawnable('script');

test(
  'multiproc map draws its bar on a terminal and takes it off again, also by Ctrl-C',
  { skip: hasScript ? false : 'needs script of util-linux' },
  leavesNothing(async (t) => {
    const cwd = scratch(t);
    writeFileSync(join(cwd, 'list'), lines(20));
    const quote = (word: string): string => `'${word}'`;
    const words = [process.execPath, MAIN, ...GATED, '--files-from', 'list', '-o', 'out'].map(quote).join(' ');
    for (const [noColor, gate] of [
      ['', '5'],
      ['1', '5'],
      ['', '20'],
    ] as const) {
      // Ctrl-C reaches the shell as well; without a trap dash ends by it before it has said the exit code.
      const terminal = spawn('script', ['-qec', `trap : INT; stty cols 60; ${words}; echo code=$?`, '/dev/null'], {
        cwd,
        env: { ...process.env, SHELL: '/bin/sh', TERM: 'xterm', LOG: join(cwd, 'log'), GATE: gate, NO_COLOR: noColor },
      });
      let screen = '';
      const interrupt = new Promise<void>((resolve) => {
        terminal.stdout.on('data', (chunk: Buffer) => {
          screen += chunk.toString();
          if (screen.includes('5/20')) resolve();
        });
      });
      if (gate === '5') {
        await withDeadline(interrupt, 10_000, 'the bar');
        terminal.stdin.write('\x03');
      }
      await withDeadline(new Promise((resolve) => terminal.once('close', resolve)), 10_000, 'the end on the terminal');
      assert.match(screen, gate === '5' ? /code=130/ : /20 items in .*\r\ncode=0/);
      if (gate === '5') assert.equal(screen.includes('\x1b[32m'), noColor === '');
      for (const drawn of screen.split('\r').filter((piece) => piece.includes('░'))) {
        assert.ok(drawn.replace(/\x1b\[\d*[mK]/g, '').replace(/\^C/, '').length < 60, JSON.stringify(drawn));
      }
      // A run without a stop may end before the first bar is due.
      if (screen.includes('░')) assert.match(screen, /\r\x1b\[K(?!.*░)/s, 'the last thing done to the bar is to clear it');
    }
  }),
);

function spawnable(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
