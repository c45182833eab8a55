// Runs a program under --inspect-brk and is its debugger: attaches, enables what an editor enables, lets it go on.
// node --experimental-websocket attach-debugger.mjs <node> <main>
import { spawn } from 'node:child_process';

const [, , node, main] = process.argv;
const child = spawn(node, ['--inspect-brk=0', main], { stdio: ['ignore', 'inherit', 'pipe'] });
let text = '';
child.stderr.setEncoding('utf8').on('data', (chunk) => {
  process.stderr.write(chunk);
  text += chunk;
  const url = /ws:\S+/.exec(text)?.[0];
  if (url === undefined) return;
  text = '';
  attach(url);
});
let socket;
child.on('exit', (code) => {
  socket?.close();
  process.exitCode = code ?? 1;
});

function attach(url) {
  socket = new WebSocket(url);
  let id = 0;
  const send = (method, params = {}) => socket.send(JSON.stringify({ id: ++id, method, params }));
  socket.onopen = () => {
    send('Runtime.enable');
    send('Debugger.enable');
    send('Runtime.runIfWaitingForDebugger');
  };
  socket.onmessage = ({ data }) => {
    const { method } = JSON.parse(data);
    if (method === 'Debugger.paused') send('Debugger.resume');
    // Node waits for the debugger to leave when the program has ended.
    if (method === 'Runtime.executionContextDestroyed') socket.close();
  };
}
