/**
 * Shared objects are refused where the receiver could not have the same memory: over sockets, with what to do instead.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, Listener, RawArray, RawStruct, RawValue, SharedArray, Struct, Value } from '#src/index.js';
import { ShareableList, SharedMemory } from '#src/memory/index.js';
import { leavesNothing } from '../support/census.js';
import { having } from './memory-support.js';

async function connected() {
  const listener = await new Listener({ address: { port: 0 } }).listen(); // over a Unix socket the family shares them
  const accepted = listener.accept();
  const client = await Client(listener.address);
  const server = await accepted;
  const close = () => [client, server, listener].forEach((each) => each.close());
  return { client, server, close };
}

/** The family's memory and the sockets' poller live as long as this process. */
const warmUp = async () => {
  (await connected()).close();
  return new Value('i', 0);
};

test(
  'a shared object over a socket is an error that says what to send, and the connection goes on',
  leavesNothing(
    async () => {
      const { client, server, close } = await connected();
      const family = /only the processes and threads of one family share it; send a copy of its data/;
      const refuse = (object: unknown, message: RegExp) =>
        assert.rejects(client.send({ object }), { name: 'SerializationError', path: 'value.object', message });
      for (const object of [
        new Value('i', 1),
        new SharedArray('i', 2),
        new Struct({ x: 'd' }),
        new RawStruct({ x: 'd' }),
        RawValue('i', 1),
        RawArray('i', 2),
      ])
        await refuse(object, family);
      await having(new SharedMemory({ create: true, size: 8 }), (memory) => refuse(memory, /send its name, and open that there/));
      const list = new ShareableList([1, 'a']);
      await having(list.shm, () => refuse(list, /send shm\.name, .* or send \[\.\.\.value\]/));
      await client.send([...RawArray('i', [1, 2])]);
      assert.deepEqual(await server.recv(), [1, 2]);
      close();
    },
    { warmUp },
  ),
);
