/**
 * A manager of another family, or of another machine: its address, this thread's connection to it, and its proxies here.
 *
 * Runs in clients. There is one for each server and thread. The server counts what it sent on each connection; a proxy
 * that is garbage here is given back, and a connection that ends gives all of its own back. A proxy that is sent within
 * the family is a shared object of it: its message has the address with it, and the receiver connects by itself.
 *
 * Who may die at which step: a sender may end as soon as its message is written, since it had the server keep the object
 * for a while first; the receiver holds the object as soon as it is connected.
 */
import type { Address } from '../channel/address.js';
import { addressText } from '../channel/address.js';
import { ClientForAll, ClientSync } from '../channel/client.js';
import type { TlsOptions } from '../channel/connection-options.js';
import { Connection } from '../channel/connection.js';
import { ClosedError, ManagerDiedError, ProtocolError } from '../errors.js';
import { adoptPiece, KIND, pieceOf, type SharedKind } from '../sharing/shared-kinds.js';
import { joinAsMember } from '../sharing/member.js';
import { createPiece, type SharedPiece } from '../substrate/shared-piece.js';
import type { Caller, CallTarget } from './caller.js';
import { ManagerLink, type ServerPlace } from './manager-link.js';
import { HELLO, HOLD, KEEP, LETGO, SERVER, VERSION } from './protocol.js';
import { coreOf, makeProxy, type ProxyCore } from './proxy.js';
import { type ProxyName, type ProxyNames, SocketCourier } from './socket-courier.js';

/** Where a manager is, and how to prove oneself there. */
export interface RemoteAddress {
  readonly address: Address;
  readonly authKey: Uint8Array;
  readonly tls?: TlsOptions | undefined;
}

/** One server that ran there, among all that ever do. */
export interface RemoteServer extends RemoteAddress {
  readonly serverId: string;
}

/** A proxy of this thread, and how often the server said that it has it. */
interface Known {
  readonly proxy: WeakRef<object>;
  count: number;
}

export class RemotePlace implements Caller, ServerPlace, ProxyNames {
  readonly #at: RemoteAddress;
  readonly #known = new Map<number, Known>();
  #serverId: string | undefined;
  #link: ManagerLink | undefined;
  #connecting: Promise<ManagerLink> | undefined;
  #isShutDown = false;

  constructor(at: RemoteAddress) {
    joinAsMember();
    this.#at = at;
  }

  /** This thread's place for a server that another thread found. */
  static of({ serverId, ...at }: RemoteServer): RemotePlace {
    const known = places.get(serverId)?.deref();
    if (known !== undefined) return known;
    const place = new RemotePlace(at);
    place.#isServer(serverId);
    return place;
  }

  /** What another thread needs. @throws {ManagerDiedError} If it was never connected. */
  get server(): RemoteServer {
    if (this.#serverId === undefined) throw this.died('send the manager');
    return { ...this.#at, serverId: this.#serverId };
  }

  get address(): Address {
    return this.#at.address;
  }

  /**
   * Connects, unless it is connected.
   *
   * @throws What `Client` throws. {ManagerDiedError} If another server is there now.
   */
  connect(): Promise<ManagerLink> {
    if (this.#link !== undefined) return Promise.resolve(this.#link);
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  /** Ends the connection of this thread, for good. */
  disconnect(): void {
    this.#link?.close();
  }

  call(target: CallTarget, method: string, args: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    if (this.#link !== undefined) return this.#link.call(target, method, args, signal);
    return this.connect().then((link) => link.call(target, method, args, signal));
  }

  callSync(target: CallTarget, method: string, args: readonly unknown[]): unknown {
    this.#link ??= this.#connectSync();
    return this.#link.callSync(target, method, args);
  }

  post(object: number, method: string, args: readonly unknown[]): void {
    if (this.#link !== undefined) this.#link.post(object, method, args);
    else this.connect().then((link) => link.post(object, method, args), NOTHING); // calls say why not
  }

  whyEnded(act: string): Error | undefined {
    return this.#link?.ended === true ? this.died(act) : undefined;
  }

  wasShutDown(): void {
    this.#isShutDown = true;
  }

  died(act: string): ClosedError | ManagerDiedError {
    if (this.#isShutDown) return new ClosedError(`Cannot ${act}: the manager was shut down`);
    return new ManagerDiedError(`Cannot ${act}: the connection to the manager at ${addressText(this.#at.address)} has ended`);
  }

  nameOf(value: object): ProxyName | undefined {
    const core = coreOf(value);
    if (!(core?.place instanceof RemotePlace)) return undefined;
    return core.place === this || core.place.#serverId === this.#serverId ? core : undefined;
  }

  /** What is sent to the server is the server's own. */
  sent(): () => void {
    return NOTHING;
  }

  proxyOf(name: ProxyName): object {
    const known = this.#known.get(name.object);
    const proxy = known?.proxy.deref();
    if (known !== undefined && proxy !== undefined && pieceOf(proxy) !== undefined) {
      known.count++;
      return proxy;
    }
    return this.#open(createPiece(KIND.REMOTE_MANAGED, 0), name);
  }

  /** The proxy that another thread of the family sent. */
  received(piece: SharedPiece, name: ProxyName): object {
    const proxy = this.#known.get(name.object)?.proxy.deref();
    if (proxy !== undefined && pieceOf(proxy) !== undefined) {
      piece.release();
      return proxy;
    }
    this.post(SERVER, HOLD, [name.object]);
    return this.#open(piece, name);
  }

  /** Has the server keep an object until whoever gets a message has connected. */
  lend(object: number): void {
    this.post(SERVER, KEEP, [object]);
  }

  #open(piece: SharedPiece, { object, form, typeId }: ProxyName): object {
    const proxy = makeProxy({ caller: () => this, object, form, typeId, place: this });
    const known: Known = { proxy: new WeakRef(proxy), count: 1 };
    this.#known.set(object, known);
    adoptPiece(proxy, piece, remoteKind, () => {
      if (this.#known.get(object) === known) this.#known.delete(object);
      this.#link?.post(SERVER, LETGO, [object, known.count]);
      return true;
    });
    return proxy;
  }

  async #connect(): Promise<ManagerLink> {
    const { address, authKey, tls } = this.#at;
    const connection = await ClientForAll(address, { authKey, tls });
    if (this.#link !== undefined) {
      connection.close(); // a blocking call was quicker
      return this.#link;
    }
    const link = this.#linkOver(connection);
    try {
      this.#greeted(await link.call(TO_SERVER, HELLO, [process.pid, undefined, VERSION]));
    } catch (error) {
      link.close();
      throw error;
    }
    this.#link ??= link;
    return this.#link;
  }

  #connectSync(): ManagerLink {
    const { address, authKey, tls } = this.#at;
    const link = this.#linkOver(ClientSync(address, { authKey, tls }));
    try {
      this.#greeted(link.callSync(TO_SERVER, HELLO, [process.pid, undefined, VERSION]));
    } catch (error) {
      link.close();
      throw error;
    }
    return link;
  }

  #linkOver(connection: Connection): ManagerLink {
    return new ManagerLink(new SocketCourier(Connection.transportOf(connection), this), this);
  }

  /** @throws {ManagerDiedError} If the server that was there has ended, and this is another one. */
  #greeted(answer: unknown): void {
    const serverId: unknown = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'serverId') : undefined;
    if (typeof serverId !== 'string' || serverId.length > ID_MAX)
      throw new ProtocolError('Cannot connect to the manager: what answers there is no manager');
    if (this.#serverId === undefined) this.#isServer(serverId);
    if (this.#serverId !== serverId) throw this.died('connect to the manager');
  }

  #isServer(serverId: string): void {
    this.#serverId = serverId;
    places.set(serverId, new WeakRef(this));
    forgotten.register(this, serverId);
  }
}

/** How proxies of other families' managers are sent within this one. */
export const remoteKind: SharedKind = {
  kind: KIND.REMOTE_MANAGED,
  write(facade, out) {
    const { place, object, form, typeId } = coreOf(facade) as ProxyCore;
    const { server } = place as RemotePlace;
    out.value(server, '.manager');
    out.varint(object);
    out.u8(form);
    out.string(typeId);
    (place as RemotePlace).lend(object);
  },
  read: (input) => ({
    server: input.value() as RemoteServer,
    name: { object: input.varint(), form: input.u8(), typeId: input.string() },
  }),
  open(piece, extra) {
    const { server, name } = extra as { server: RemoteServer; name: ProxyName };
    return RemotePlace.of(server).received(piece, name);
  },
};

const places = new Map<string, WeakRef<RemotePlace>>();
const forgotten = new FinalizationRegistry<string>((serverId) => {
  if (places.get(serverId)?.deref() === undefined) places.delete(serverId);
});
const NOTHING = (): void => undefined;
const TO_SERVER: CallTarget = { object: SERVER, proxy: undefined };
const ID_MAX = 64;
