/**
 * Moves the messages of a dialog over a connection, in the event loop or blocking.
 *
 * Runs in every process. Until the dialog has ended no longer message is read than one of it has.
 */
import { AuthenticationError, MessageTooLargeError, ProtocolError, TimeoutError } from '../errors.js';
import { now } from '../substrate/clock.js';
import { type Dialog, DIALOG_MESSAGE_MAX } from './handshake.js';
import type { SocketTransport } from './socket-transport.js';
import type { Arrival } from './transport.js';

/** @param deadline On the clock of `now()`. @throws {AuthenticationError} {TimeoutError} {ChannelClosedError} */
export async function runDialog<R>(
  dialog: Dialog<R>,
  transport: SocketTransport,
  deadline: number,
  signal?: AbortSignal,
): Promise<R> {
  transport.limitReceived(DIALOG_MESSAGE_MAX);
  try {
    let step = dialog.next();
    while (step.done !== true) {
      if (step.value === 'receive') {
        step = dialog.next(bytesOf(await transport.receive({ timeout: timeLeft(deadline), signal })));
      } else {
        await transport.send(transport.encodeBytes(step.value.send));
        step = dialog.next(NOTHING);
      }
    }
    transport.limitReceived(undefined);
    return step.value;
  } catch (error) {
    throw judged(error);
  }
}

/** As `runDialog`, but blocks this thread. */
export function runDialogSync<R>(dialog: Dialog<R>, transport: SocketTransport, deadline: number): R {
  transport.limitReceived(DIALOG_MESSAGE_MAX);
  try {
    let step = dialog.next();
    while (step.done !== true) {
      if (step.value === 'receive') {
        step = dialog.next(bytesOf(transport.receiveSync(timeLeft(deadline))));
      } else {
        transport.sendSync(transport.encodeBytes(step.value.send));
        step = dialog.next(NOTHING);
      }
    }
    transport.limitReceived(undefined);
    return step.value;
  } catch (error) {
    throw judged(error);
  }
}

function bytesOf(arrival: Arrival): Uint8Array {
  if ('bytes' in arrival) return arrival.bytes;
  throw new AuthenticationError('Cannot authenticate: the other end sent a value instead of a proof');
}

function timeLeft(deadline: number): number | undefined {
  return deadline === Number.POSITIVE_INFINITY ? undefined : Math.max(0, Math.ceil(deadline - now()));
}

/** What is no dialog at all is a failure of it. */
function judged(error: unknown): unknown {
  if (error instanceof MessageTooLargeError || error instanceof ProtocolError)
    return new AuthenticationError('Cannot authenticate: the other end sent what belongs to no dialog about keys', {
      cause: error,
    });
  if (error instanceof TimeoutError)
    return new TimeoutError('Cannot authenticate: the other end said nothing in time; it may have no key', { cause: error });
  return error;
}

const NOTHING = new Uint8Array(0);
