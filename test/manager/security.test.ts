import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Client, Connection, Listener, Pipe, ProtocolError } from '#src/index.js';
import * as library from '#src/index.js';
import { FamilyCourier } from '#src/proxies/family-courier.js';
import { KEY, type Library, openAndClose } from '../channel/socket-support.js';
import { leavesNothing } from '../support/census.js';

const warmUp = () => openAndClose(library as unknown as Library);
const clean = (body: (t: TestContext) => Promise<void>) => leavesNothing(body, { warmUp });

test(
  'code is taken from members of the family only: a connection over a socket is none  [fault 62]',
  clean(async () => {
    const listener = await new Listener({ authKey: KEY }).listen();
    const [accepted, client] = await Promise.all([listener.accept(), Client(listener.address, { authKey: KEY })]);
    for (const connection of [accepted, client]) {
      const transport = Connection.transportOf(connection);
      assert.equal(transport.ofFamily, false);
      assert.throws(() => new FamilyCourier(transport), ProtocolError);
      connection.close();
    }
    listener.close();
  }),
);

test(
  'a connection that turns out to be none of the family brings no code either',
  clean(async () => {
    const [mine, theirs] = Pipe();
    const transport = Connection.transportOf(mine);
    const changed = Object.create(transport, { ofFamily: { value: true, writable: true } }) as {
      ofFamily: boolean;
    } & typeof transport;
    const courier = new FamilyCourier(changed);
    changed.ofFamily = false;
    const body = new TextEncoder().encode('globalThis.stolen = true');
    assert.throws(() => courier.readRequests({ value: [1, 0, 'create', new Uint8Array(), [body]] }, () => {}), ProtocolError);
    assert.throws(() => courier.readReplies({ value: [1, 3, new Uint8Array(), [body]] }, () => {}), ProtocolError);
    assert.equal('stolen' in globalThis, false);
    for (const end of [mine, theirs]) end.close();
  }),
);
