/**
 * Event loops that die, or are stopped, while they listen awake for a ring.
 */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { ChannelClosedError, type Connection, Pipe, ProcessDiedError } from '#src/index.js';
import { eachKind, startChild } from '../support/kinds.js';

/** A child that sends back what it gets, in its event loop. */
async function echo(connection: Connection<number>): Promise<void> {
  for await (const message of connection) await connection.send(message);
}

/** More round trips than an event loop needs to learn that rings come soon, however the machine stalls. */
const ROUND_TRIPS = 200_000;
const isSpawn = (kind: { name: string }): boolean => kind.name === 'spawn';

eachKind(
  'an event loop killed while it listens: who rings it sees the end, and nothing hangs  [fault 10]',
  async (kind, t) => {
    if (availableParallelism() < 2) return t.skip('with one CPU nobody listens awake');
    const [here, there] = Pipe<number>();
    const child = await startChild(kind, t, echo, [there], { env: { MULTIPROC_FAULT: 'doorbell.listening:kill@3' } });
    there.close();
    const talk = async () => {
      for (let i = 0; i < ROUND_TRIPS; i++) {
        await here.send(i);
        assert.equal(await here.recv(), i);
      }
    };
    await assert.rejects(talk(), ChannelClosedError);
    await assert.rejects(child.join(), ProcessDiedError);
    here.close();
  },
  isSpawn,
);

eachKind(
  'an event loop that is held up while it listens has every message that came meanwhile  [fault 10]',
  async (kind, t) => {
    const [here, there] = Pipe<number>();
    const child = await startChild(kind, t, echo, [there], { env: { MULTIPROC_FAULT: 'doorbell.listening:delay=300@0' } });
    there.close();
    // It listens once it was rung soon after it went to sleep; each time it is held up before it looks.
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 10; i++) await here.send(round * 10 + i);
      for (let i = 0; i < 10; i++) assert.equal(await here.recv(), round * 10 + i);
    }
    here.close();
    await child.join();
  },
  isSpawn,
);
