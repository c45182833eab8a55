/**
 * Proxies as shared objects of the family: they travel anywhere, and are counted wherever they are.
 *
 * Runs in every process and thread.
 *
 * ```text
 * header word 5   the chunk of its ticket, in lines of 64 bytes      6   the ticket
 *             7   number of the object, low      8   high            9   form of the proxy
 * ```
 */
import { Connection } from '../channel/connection.js';
import { Pipe } from '../channel/pipe.js';
import { readPlace, writePlace } from '../sharing/shared-extension.js';
import { adoptPiece, KIND, type SharedKind } from '../sharing/shared-kinds.js';
import { LINE_BYTES } from '../substrate/layout.js';
import { self } from '../substrate/self.js';
import { createPiece, FIRST_OWN_WORD, releaseCount, retainCount, type SharedPiece } from '../substrate/shared-piece.js';
import type { ValueReader } from '../wire/codec-types.js';
import type { Caller, CallTarget } from './caller.js';
import { FamilyCourier } from './family-courier.js';
import type { ManagerDoor } from './manager-door.js';
import { ManagerLink } from './manager-link.js';
import { HELLO, SERVER } from './protocol.js';
import { coreOf, makeProxy, type ProxyCore } from './proxy.js';
import { returnTicket, type Ticket } from './tickets.js';

const CHUNK = FIRST_OWN_WORD;
const INDEX: number = FIRST_OWN_WORD + 1;
const OBJECT_LOW: number = FIRST_OWN_WORD + 2;
const OBJECT_HIGH: number = FIRST_OWN_WORD + 3;
const FORM_WORD: number = FIRST_OWN_WORD + 4;

/** What a proxy is beside its place. */
interface Extra {
  readonly door: ManagerDoor;
  readonly typeId: string;
}

/** Makes the proxy of an object, in the server that has the object. */
export function createHandle(
  door: ManagerDoor,
  { object, form, typeId, ticket }: { object: number; form: number; typeId: string; ticket: Ticket },
): object {
  const piece = createPiece(KIND.MANAGED, 0);
  const { header } = piece;
  Atomics.store(header, INDEX, ticket.index);
  Atomics.store(header, OBJECT_LOW, object | 0);
  Atomics.store(header, OBJECT_HIGH, Math.floor(object / 2 ** 32));
  Atomics.store(header, FORM_WORD, form);
  retainCount(ticket.chunk);
  Atomics.store(header, CHUNK, ticket.chunk / LINE_BYTES);
  return openHandle(piece, { door, typeId });
}

/** How this thread calls the objects of a manager. */
export function callerOf(door: ManagerDoor): Caller {
  const { caller } = door;
  if (caller !== undefined && !(caller instanceof ManagerLink && caller.ended)) return caller;
  return (door.caller = connect(door));
}

/** Ends the connection of this thread, and fails what is pending. */
export function disconnect(door: ManagerDoor): void {
  if (door.caller instanceof ManagerLink) door.caller.close();
}

/** Calls nobody: the server has ended. */
class GoneServer implements Caller {
  readonly #door: ManagerDoor;

  constructor(door: ManagerDoor) {
    this.#door = door;
  }

  call(target: CallTarget, method: string): Promise<unknown> {
    return new Promise(() => this.callSync(target, method));
  }

  callSync(_target: CallTarget, method: string): never {
    throw this.#door.died(`call ${method}()`);
  }

  /** Nobody waits for what comes of it. */
  post(): void {}
}

function connect(door: ManagerDoor): Caller {
  if (door.whyEnded('call') !== undefined) return new GoneServer(door);
  const [mine, theirs] = Pipe();
  door.connections.putSync(theirs);
  theirs.close();
  const link = new ManagerLink(new FamilyCourier(Connection.transportOf(mine)), door);
  links.set(link, mine);
  link.post(SERVER, HELLO, [process.pid, self().id]);
  return link;
}

/** A connection lives as long as its link. */
const links = new WeakMap<ManagerLink, Connection>();

function openHandle(piece: SharedPiece, { door, typeId }: Extra): object {
  const { header } = piece;
  const proxy = makeProxy({
    caller: () => callerOf(door),
    object: Atomics.load(header, OBJECT_HIGH) * 2 ** 32 + (Atomics.load(header, OBJECT_LOW) >>> 0),
    form: Atomics.load(header, FORM_WORD),
    typeId,
    place: door,
  });
  adoptPiece(proxy, piece, managedKind);
  return proxy;
}

/** How proxies are sent, and what becomes of their objects. */
export const managedKind: SharedKind = {
  kind: KIND.MANAGED,
  write(facade, out) {
    const { place, typeId } = coreOf(facade) as ProxyCore;
    writePlace(place as ManagerDoor, out);
    out.string(typeId);
  },
  read: (input: ValueReader): Extra => ({ door: readPlace(input) as ManagerDoor, typeId: input.string() }),
  open: (piece, extra) => openHandle(piece, extra as Extra),
  freed(_offset, header) {
    const chunk = (Atomics.load(header, CHUNK) >>> 0) * LINE_BYTES;
    if (chunk === 0) return;
    returnTicket({ chunk, index: Atomics.load(header, INDEX) });
    releaseCount(chunk);
  },
};
