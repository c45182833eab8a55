/**
 * ServerProcess, as in mpservice: objects that host others, memory blocks, errors with the stack of the server.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Creator,
  InvalidStateError,
  type ListProxy,
  managed,
  MemoryBlock,
  type Proxy,
  RemoteError,
  ServerProcess,
} from 'multiproc';
import { clean, inChild } from './manager-support.js';

class Doubler {
  readonly #list = [1, 2];
  double(x: number): number {
    if (x < 0) throw new RangeError(`cannot double ${x}`);
    return x * 2;
  }
  async slowly(x: number): Promise<number> {
    await new Promise(setImmediate);
    return x * 2;
  }
  list(): Proxy<number[]> {
    return managed(this.#list);
  }
  nested(): { readonly inner: Proxy<Doubler>; readonly lists: ReadonlyMap<string, Proxy<number[]>>; readonly plain: number[] } {
    return { inner: managed(new Doubler()), lists: new Map([['a', managed(this.#list)]]), plain: this.#list };
  }
  block(text: string): MemoryBlock {
    const block = new MemoryBlock(64);
    block.buffer.set(Buffer.from(text));
    return block;
  }
  sum(list: Proxy<number[]>): Promise<number> {
    return list.push(0).then((length) => length);
  }
  blocking(list: Proxy<number[]>): number {
    return list.sync.push(0);
  }
}

class Doublers extends ServerProcess {
  declare Doubler: Creator<typeof Doubler>;
}
Doublers.register('Doubler', Doubler);

const withServer = (body: (server: Doublers) => Promise<void>) =>
  clean(async (t) => {
    const server = await new Doublers({ name: 'doublers' }).start();
    t.after(() => server.shutdown());
    await body(server);
  });

test(
  'methods, sync and async, of the server’s objects from several processes  [Z-37] [Z-42] [Z-48]',
  withServer(async (server) => {
    const doubler = await server.Doubler();
    assert.deepEqual([await doubler.double(2), await doubler.slowly(3), doubler.sync.double(4)], [4, 6, 8]);
    const seen = await Promise.all(
      [1, 2].map((x) => inChild(async (each, n) => [each.sync.double(n), await each.slowly(n), each.sync.slowly(n)], doubler, x)),
    );
    assert.deepEqual(seen, [
      [2, 2, 2],
      [4, 4, 4],
    ]);
  }),
);

test(
  'an error has its class and the stack of the server  [Z-41]',
  withServer(async (server) => {
    const doubler = await server.Doubler();
    await assert.rejects(doubler.double(-1), (error: unknown) => {
      assert.ok(error instanceof RangeError);
      assert.ok(error.cause instanceof RemoteError);
      assert.match(error.cause.message, /^\[doublers pid \d+\]/);
      assert.match(String(error.stack), /at Doubler\.double/);
      return true;
    });
  }),
);

test(
  'managed() hosts objects anywhere in a result; each is one object for everybody  [Z-44]',
  withServer(async (server) => {
    const doubler = await server.Doubler();
    const list = await doubler.list();
    await list.push(3);
    const nested = await doubler.nested();
    assert.equal(await nested.inner.double(5), 10);
    assert.equal(nested.lists.get('a'), list);
    assert.deepEqual(nested.plain, [1, 2, 3]);
    const fromChild = await inChild(async (each) => {
      const { inner, lists } = await each.nested();
      return { doubled: await inner.double(7), lists };
    }, doubler);
    assert.equal(fromChild.doubled, 14);
    assert.equal(fromChild.lists.get('a'), list);
    const own = { plain: 1 };
    assert.equal(managed(own), own);
  }),
);

test(
  'in the server a proxy is called directly, also by blocking code  [Z-42]',
  withServer(async (server) => {
    const doubler = await server.Doubler();
    const list = await doubler.list();
    assert.equal(await doubler.sum(list), 3);
    assert.equal(await doubler.blocking(list), 4);
  }),
);

test(
  'a memory block is mapped, not copied, and lives as long as somebody has it  [Z-46]',
  clean(async () => {
    const server = await new Doublers().start();
    const doubler = await server.Doubler();
    const block = await doubler.block('hello');
    assert.ok(block instanceof MemoryBlock);
    assert.equal(Buffer.from(block.buffer.subarray(0, 5)).toString(), 'hello');
    await server.shutdown();
    const own = await new Doublers().MemoryBlock(16);
    const size = await inChild(
      (there, second) => {
        there.buffer[0] = 72;
        second.buffer[15] = 1;
        return second.size;
      },
      block,
      own,
    );
    assert.deepEqual([size, block.buffer[0], own.buffer[15]], [16, 72, 1]);
    assert.throws(() => new MemoryBlock(0), RangeError);
    assert.throws(() => new MemoryBlock(1.5), RangeError);
  }),
);

test(
  'types are registered once; dict, list, Value, Array and Namespace are there, locks are not  [Z-38] [Z-45]',
  withServer(async (server) => {
    assert.throws(() => Doublers.register('Doubler', Doubler), InvalidStateError);
    assert.throws(() => Doublers.register('list', Doubler), InvalidStateError);
    const list: ListProxy<number> = await server.list([1]);
    const dict = await server.dict({ list });
    assert.equal(await (await dict.get('list'))?.push(2), 2);
    assert.equal(await (await server.Value('i', 5)).get(), 5);
    assert.deepEqual(await (await server.Array('i', [1, 2])).get(), [1, 2]);
    assert.equal(await (await server.Namespace({ x: 1 })).x, 1);
    await assert.rejects(server.create('Lock'), TypeError);
  }),
);
