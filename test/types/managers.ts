// Types of managers and their proxies: checked by `npm run check -- types`, never run. What must not compile has @ts-expect-error.
import {
  type BaseManager,
  type Creator,
  type DictProxy,
  type ListProxy,
  Manager,
  type Proxy,
  type RemoteIterator,
} from '#src/index.js';
import { same } from './same.js';

declare class Counter {
  constructor(start: number, step?: number);
  count: number;
  add(n: number): number;
  later(text: string): Promise<string[]>;
  items(): Generator<Date>;
  list(): Proxy<number[]>;
  _hidden(): void;
}
declare class Shop extends BaseManager {
  declare Counter: Creator<typeof Counter>;
}
declare const shop: Shop;

export async function classTypes(): Promise<void> {
  const counter = await shop.Counter(1);
  same<typeof counter, Proxy<Counter>>(true);
  same<typeof counter.add, (n: number) => Promise<number>>(true);
  same<typeof counter.later, (text: string) => Promise<string[]>>(true);
  same<typeof counter.items, () => Promise<RemoteIterator<Date>>>(true);
  same<typeof counter.sync.add, (n: number) => number>(true);
  same<typeof counter.sync.later, (text: string) => string[]>(true);
  same<Awaited<ReturnType<typeof counter.list>>, Proxy<number[]>>(true);
  // @ts-expect-error -- a number
  void counter.add('1');
  // @ts-expect-error -- attributes are not there
  void counter.count;
  // @ts-expect-error -- nor hidden methods
  void counter._hidden();
  // @ts-expect-error -- the constructor takes a number
  void shop.Counter('1');
  const created = await shop.create(Counter, 1, 2);
  same<typeof created, Proxy<Counter>>(true);
  // @ts-expect-error -- the constructor takes a number
  void shop.create(Counter);
  for await (const date of await counter.items()) same<typeof date, Date>(true);
}

export async function remoteTypes(): Promise<void> {
  const manager = await new Shop({ address: '/tmp/shop', authKey: new Uint8Array(32), tls: { ca: '' } }).connect();
  same<typeof manager, Shop>(true);
  same<typeof manager.address, string | { readonly host: string; readonly port: number } | null>(true);
  same<Awaited<ReturnType<typeof manager.Counter>>, Proxy<Counter>>(true);
  manager.disconnect();
  const server = await new Shop({ address: { port: 0 } }).getServer().listen();
  same<ReturnType<typeof server.serveForever>, Promise<void>>(true);
  // @ts-expect-error -- a key is bytes
  void new Shop({ authKey: 'secret' });
  // @ts-expect-error -- a port is a number
  void new Shop({ address: { port: '1' } });
}

export async function containerTypes(): Promise<void> {
  const manager = await Manager();
  const dict = await manager.dict<string, number>();
  same<typeof dict, DictProxy<string, number>>(true);
  same<Awaited<ReturnType<typeof dict.get>>, number | undefined>(true);
  same<Awaited<ReturnType<typeof dict.entries>>, [string, number][]>(true);
  const updated = await dict.update('a', (n = 0) => n + 1);
  same<typeof updated, number>(true);
  // @ts-expect-error -- a number
  void dict.set('a', 'b');
  for await (const [key, value] of dict) same<typeof key | typeof value, string | number>(true);
  for (const [key] of dict.sync) same<typeof key, string>(true);
  const list = await manager.list([1, 2]);
  same<typeof list, ListProxy<number>>(true);
  const texts = await list.map(String);
  same<typeof texts, string[]>(true);
  const nested = await manager.dict({ list });
  const inner = await nested.get('list');
  same<typeof inner, ListProxy<number> | undefined>(true);
  const names = await manager.Namespace({ x: 1, y: 'a' });
  same<Awaited<typeof names.x>, number>(true);
  names.sync.x += 1;
  // @ts-expect-error -- a string
  names.sync.y = 1;
  // @ts-expect-error -- not without waiting
  names.x = 2;
  const value = await manager.Value('q', 1n);
  same<Awaited<ReturnType<typeof value.get>>, bigint>(true);
  // @ts-expect-error -- a bigint
  void manager.Value('q', 1);
  const queue = await manager.Queue<{ id: number }>();
  const item = queue.sync.get();
  same<typeof item, { id: number }>(true);
  const lock = await manager.Lock();
  const held = await lock.acquire({ timeout: 5 });
  same<typeof held, typeof lock>(true);
}
