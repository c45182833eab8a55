/** The yard-stick for starting processes: a bare `node -e`, no channel, nothing but the executable itself. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { check } from '../harness/driver-kit.js';

/** @returns {import('../harness/starts.js').Starter} */
export function openStarter() {
  return {
    firstUserCode: async () => {
      const child = spawn(process.execPath, ['-e', PRINT_TIME], { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      await once(child, 'close');
      return Number(text);
    },
    exit: async () => {
      const [code] = await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
      check(code, 0, 'exit code');
    },
  };
}

const PRINT_TIME = 'const t = process.hrtime.bigint(); require("fs").writeSync(1, String(Number(t) / 1e6))';
