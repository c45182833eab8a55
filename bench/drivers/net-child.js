/** Sends back what comes; in the child of net.js. */
import { connect } from 'node:net';

const [, , target] = process.argv;
const socket = /^\d+$/.test(target) ? connect({ port: Number(target), host: '127.0.0.1', noDelay: true }) : connect(target);
socket.on('data', (chunk) => socket.write(chunk));
socket.on('close', () => process.disconnect());
