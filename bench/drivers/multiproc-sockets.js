/** Our Listener and Client. */
import { check, load } from '../harness/driver-kit.js';

/** @param {{ family: string; blocking: boolean; roundTrips: number; warmup: number }} params */
export async function socketPingPong({ family, blocking, roundTrips, warmup }) {
  const { Listener, Process } = await load('multiproc', 'Listener', 'Process');
  const listener = await new Listener({ authKey: KEY, ...(family === 'AF_INET' ? { address: {} } : {}) }).listen();
  const target = blocking ? answerBlocking : answerAwaiting;
  const process = new Process({ target, args: [listener.address, warmup + roundTrips] });
  await process.start();
  const connection = await listener.accept();
  let start = 0;
  for (let i = 0; i < warmup + roundTrips; i++) {
    if (i === warmup) start = performance.now();
    if (blocking) {
      connection.sendSync(i);
      check(connection.recvSync(), i, 'echo');
    } else {
      await connection.send(i);
      check(await connection.recv(), i, 'echo');
    }
  }
  const us = ((performance.now() - start) * 1e3) / roundTrips;
  await process.join();
  connection.close();
  listener.close();
  return us;
}

/** Sends back what comes. @param {any} address @param {number} count */
export async function answerBlocking(address, count) {
  const { ClientSync } = await load('multiproc', 'ClientSync');
  const connection = ClientSync(address, { authKey: KEY });
  for (let i = 0; i < count; i++) connection.sendSync(connection.recvSync());
  connection.close();
}

/** As `answerBlocking`, in the event loop. @param {any} address @param {number} count */
export async function answerAwaiting(address, count) {
  const { Client } = await load('multiproc', 'Client');
  const connection = await Client(address, { authKey: KEY });
  for (let i = 0; i < count; i++) await connection.send(await connection.recv());
  connection.close();
}

const KEY = new Uint8Array(32).fill(7);
