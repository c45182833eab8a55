/**
 * Socket connections that are sent to other processes and threads.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { before, test, type TestContext } from 'node:test';
import {
  type Address,
  ChannelClosedError,
  Client,
  type Connection,
  Listener,
  Pipe,
  type Process,
  Queue,
  SerializationError,
} from '#src/index.js';
import { keptDescriptors } from '#src/substrate/kept-descriptors.js';
import { withDeadline } from '../support/deadline.js';
import { eachKind, startChild } from '../support/kinds.js';
import { clean, pair } from './conformance-support.js';
import { keepOnce, noneKept, families } from './sharing-support.js';

before(keepOnce);

for (const [family, options] of families) {
  eachKind(
    `${family}: a child accepts connections and sends them here  [_TestPicklingConnections.test_pickling] [C-15]`,
    async (kind, t) => {
      const [here, there] = Pipe<Address | Connection<string> | null>();
      t.after(() => here.close());
      const accepting = async (pipe: Connection<unknown>, given: typeof options) => {
        const listener = await new Listener(given).listen();
        await pipe.send(listener.address);
        const accepted = await listener.accept();
        await pipe.send(accepted);
        accepted.close();
        listener.close();
        await pipe.recv();
      };
      await startChild(kind, t, accepting, [there, options]);
      there.close();
      const address = (await here.recv(60_000)) as Address;
      const connecting = async (to: Address, text: string) => {
        const client = await Client<string>(to);
        await client.send(text.toUpperCase());
        client.close();
      };
      await startChild(kind, t, connecting, [address, 'hello']);
      const accepted = (await here.recv(60_000)) as Connection<string>;
      assert.equal(await accepted.recv(60_000), 'HELLO');
      await assert.rejects(accepted.recv(60_000), ChannelClosedError);
      accepted.close();
      await here.send(null);
      await noneKept();
    },
  );

  for (const way of family === 'TCP' ? ['argument'] : ['argument', 'queue', 'pipe', 'captured']) {
    eachKind(`${family}: a connection arrives as it was, with what came before  [${way}] [C-15]`, async (kind, t) => {
      const { client, server } = await bothEnds(t, options);
      for (const text of ['first', 'second']) await client.send(text);
      assert.equal(await server.recv(60_000), 'first');
      const child = await given(kind, t, way, server);
      server.close();
      assert.equal(await client.recv(60_000), 'second from there');
      await client.send('third');
      assert.equal(await client.recv(60_000), 'third from there');
      await client.send('end');
      await assert.rejects(client.recv(60_000), ChannelClosedError, 'the last one closed it');
      await child.join(60_000);
      await noneKept();
    });
  }
}

async function bothEnds(t: TestContext, options: (typeof families)[number][1]) {
  const listener = await new Listener(options).listen();
  const [client, server] = await Promise.all([Client<string>(listener.address), listener.accept<string>()]);
  listener.close();
  t.after(() => {
    client.close();
    server.close();
  });
  return { client, server };
}

/** Gives a connection to a child, which answers until it hears "end". */
async function given(kind: Parameters<typeof startChild>[0], t: TestContext, way: string, connection: Connection<string>) {
  const answer = async (own: Connection<string>) => {
    for (let text = await own.recv(); text !== 'end'; text = await own.recv()) await own.send(`${text} from there`);
    own.close();
  };
  if (way === 'argument') return startChild(kind, t, answer, [connection]);
  if (way === 'captured') return startChild(kind, t, () => answer(connection), []);
  if (way === 'queue') {
    const queue = new Queue<Connection<string>>();
    t.after(() => queue.close());
    await queue.put(connection);
    return startChild(kind, t, async (from: typeof queue, run: typeof answer) => run(await from.get()), [queue, answer]);
  }
  const [here, there] = Pipe<Connection<string>>();
  t.after(() => here.close());
  await here.send(connection);
  const child = await startChild(kind, t, async (from: typeof there, run: typeof answer) => run(await from.recv()), [
    there,
    answer,
  ]);
  there.close();
  return child;
}

eachKind(
  'ends of pipes that only send or only receive are sent  [_TestPicklingConnections.test_access] [C-15]',
  async (kind, t) => {
    const [here, there] = Pipe<Connection<string>>();
    t.after(() => here.close());
    const use = async (pipe: typeof there) => {
      const reader = await pipe.recv();
      const text = await reader.recv();
      reader.close();
      const writer = await pipe.recv();
      await writer.send(`${text} ${String([reader.writable, writer.readable])}`);
      writer.close();
    };
    await startChild(kind, t, use, [there]);
    there.close();
    const [reader, writer] = Pipe<string>({ duplex: false });
    await here.send(reader);
    await writer.send('foobar');
    const [answers, answering] = Pipe<string>({ duplex: false });
    await here.send(answering);
    answering.close();
    assert.equal(await answers.recv(60_000), 'foobar false,false');
    for (const end of [reader, writer, answers]) end.close();
  },
);

test(
  'one thread has one connection of it, however often it is sent  [C-15]',
  clean(async (t) => {
    const [client, server] = await pair(t, 'Unix socket');
    const [here, there] = await pair(t, 'pipe');
    await here.send([server, { again: server }]);
    const [first, { again }] = (await there.recv()) as [Connection, { again: Connection }];
    assert.equal(first, server);
    assert.equal(again, server);
    await client.send('whole');
    assert.equal(await server.recv(60_000), 'whole');
    server.close();
    await noneKept();
  }),
);

eachKind(
  'what two processes send over one end at a time arrives whole, and each message is received by one  [C-14]',
  async (kind, t) => {
    const { client, server } = await bothEnds(t, {});
    const talk = async (own: Connection<unknown>, name: string) => {
      const got: string[] = [];
      for (let i = 0; i < 40; i++) await own.send({ name, i, filling: name.repeat(i % 4 === 0 ? 300_000 : 100) });
      await own.send(name);
      for (;;) {
        const message = (await own.recv()) as string;
        if (message === 'end') break;
        got.push(message);
      }
      own.close();
      return got;
    };
    const children = await Promise.all(
      ['a', 'b'].map((name) => startChild(kind, t, talk, [server as Connection<unknown>, name])),
    );
    server.close();
    const heard = client as Connection<unknown>;
    const seen = { a: 0, b: 0 };
    for (let done = 0; done < 2; ) {
      const message = (await heard.recv(60_000)) as string | { name: 'a' | 'b'; i: number; filling: string };
      if (typeof message === 'string') {
        done++;
        continue;
      }
      const { name, i, filling } = message;
      assert.equal(i, seen[name]++);
      assert.equal(filling, name.repeat(filling.length));
    }
    assert.deepEqual(seen, { a: 40, b: 40 });
    const sent = Array.from({ length: 60 }, (_, i) => `${i} ${'x'.repeat(i % 5 === 0 ? 200_000 : 10)}`);
    for (const message of [...sent, 'end', 'end']) await client.send(message);
    const received = (await Promise.all(children.map((child) => child.result(60_000)))).flat();
    assert.deepEqual(received.toSorted(), sent.toSorted());
    await noneKept();
  },
);

eachKind(
  'a child that is killed with the connection closes its copy, one that had not taken it yet, too  [fault 1]',
  async (kind, t) => {
    const { client, server } = await bothEnds(t, {});
    const [here, there] = Pipe<Connection<string> | string>();
    t.after(() => here.close());
    const wait = async (pipe: typeof there) => {
      const own = (await pipe.recv()) as Connection<string>;
      await pipe.send('has it');
      await own.recv();
    };
    const child = await startChild(kind, t, wait, [there]);
    there.close();
    await here.send(server);
    assert.equal(await here.recv(60_000), 'has it');
    await here.send(server); // on its way for ever
    server.close();
    assert.equal(await client.poll(), false);
    child.kill();
    await child.join(60_000);
    here.close();
    await assert.rejects(client.recv(60_000), ChannelClosedError);
    await noneKept();
  },
  ({ separate }) => separate,
);

eachKind(
  'who sends a connection may end, or be killed, at once',
  async (kind, t) => {
    const queue = new Queue<Connection<string>>();
    t.after(() => queue.close());
    const listener = await new Listener().listen();
    t.after(() => listener.close());
    const connectAndDie = async (to: Address, into: typeof queue) => {
      const own = await Client<string>(to);
      await own.send('from the dead');
      await into.put(own);
      process.kill(process.pid, 'SIGKILL');
      await own.recv();
    };
    const child = await startChild(kind, t, connectAndDie, [listener.address, queue]);
    const server = await listener.accept<string>(60_000);
    t.after(() => server.close());
    await assert.rejects(child.join(60_000));
    assert.equal(await server.recv(60_000), 'from the dead');
    const inherited = await queue.get(60_000);
    await inherited.send('from the heir');
    assert.equal(await server.recv(60_000), 'from the heir');
    inherited.close();
    await assert.rejects(server.recv(60_000), ChannelClosedError);
    await noneKept();
  },
  ({ separate }) => separate,
);

for (const point of ['keeper.beforeKeep', 'keeper.afterKeep', 'keeper.beforeTake', 'keeper.afterTake']) {
  eachKind(
    `who is killed at ${point} leaves no descriptor behind`,
    async (kind, t) => {
      const listener = await new Listener().listen();
      const queue = new Queue<unknown>();
      t.after(() => [listener, queue].forEach((each) => each.close()));
      const connectAndGive = async (to: Address, into: typeof queue) => {
        if (point.endsWith('Keep')) await into.put(await Client(to));
        else await into.get();
      };
      const client = point.endsWith('Take') ? await Client<string>(listener.address) : undefined;
      if (client !== undefined) await queue.put(client);
      client?.close();
      const child = await startChild(kind, t, connectAndGive, [listener.address, queue], {
        env: { MULTIPROC_FAULT: `${point}:kill` },
      });
      const server = await listener.accept<string>(60_000);
      await assert.rejects(child.join(60_000));
      await assert.rejects(server.recv(60_000), ChannelClosedError);
      server.close();
      await noneKept();
    },
    ({ name }) => name === 'spawn',
  );
}

eachKind(
  'a process that is killed within a message ends that direction for all who have the end, and nobody waits for ever',
  async (kind, t) => {
    const listener = await new Listener().listen();
    const raw = connect({ path: listener.address as string, allowHalfOpen: true });
    const server = await listener.accept<unknown>();
    listener.close();
    t.after(() => {
      raw.destroy();
      server.close();
    });
    const flood = async (own: Connection<unknown>) => own.send('x'.repeat(2 ** 24));
    const child: Process<[Connection<unknown>], void> = await startChild(kind, t, flood, [server]);
    await once(raw, 'readable'); // it is within the message, of which nobody reads the rest
    const refused = assert.rejects(withDeadline(server.send('after it'), 60_000, 'the turn'), ChannelClosedError);
    child.kill();
    await child.join(60_000);
    await refused;
    await once(raw.resume(), 'end');
    const other = Buffer.from('the other direction');
    raw.write(Buffer.concat([Buffer.from([0, 0, 0, other.length]), other]));
    assert.deepEqual(Buffer.from(await server.recvBytes(undefined, 60_000)), other);
    server.close();
    await noneKept();
  },
  ({ separate }) => separate,
);

test(
  'a connection that nobody received is closed with the queue or pipe that it was in',
  clean(async (t) => {
    for (const discard of ['close', 'shutdown', 'pipe'] as const) {
      const { client, server } = await bothEnds(t, {});
      const queue = new Queue<unknown>();
      const [here, there] = Pipe();
      for (let i = 0; i < 3000; i++) await queue.put({ i, filling: 'x'.repeat(i % 100) });
      if (discard === 'pipe') await here.send({ server });
      else await queue.put([server]);
      server.close();
      assert.equal(keptDescriptors(), 1, 'it is on its way');
      if (discard === 'shutdown') queue.shutdown({ immediate: true });
      for (const each of [queue, here, there]) each.close();
      await assert.rejects(client.recv(60_000), ChannelClosedError);
      await noneKept();
    }
  }),
);

test(
  'what cannot be sent is a SerializationError with its path',
  clean(async (t) => {
    const [here, there] = await pair(t, 'pipe');
    const [client, server] = await pair(t, 'TCP');
    const refused = (path: string, reason: RegExp) => (error: unknown) =>
      error instanceof SerializationError && error.path === path && reason.test(error.message);
    const closed = await pair(t, 'Unix socket');
    for (const end of closed) end.close();
    await assert.rejects(here.send({ end: closed[0] }), refused('value.end', /a connection that is closed/));
    await assert.rejects(
      client.send({ list: [here] }),
      refused('value.list[0]', /only the processes and threads of one family share it/),
    );
    await assert.rejects(client.send([server]), refused('value[0]', /only the processes and threads of one family share it/));
    await assert.rejects(here.send({ server, not: Symbol('never') }), refused('value.not', /symbol/));
    await client.send('still there');
    assert.equal(await server.recv(60_000), 'still there');
    assert.equal(await there.poll(), false);
    server.close();
    await noneKept();
  }),
);
