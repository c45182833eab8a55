/**
 * Turns what the kernel answered into errors.
 *
 * Runs in every process.
 */
import { getSystemErrorMap } from 'node:util';
import { ResourceExhaustedError, SystemError } from '../errors.js';
import type { NativeFailure } from '../native/addon-types.js';

const EXHAUSTED = new Set(['ENOSPC', 'EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN']);

/** The error for `errno` (positive) of `syscall`; `act` completes "Cannot …". */
export function systemError(act: string, errno: number, syscall: string): SystemError {
  const [code, text] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, 'unknown error'];
  const ErrorClass = EXHAUSTED.has(code) ? ResourceExhaustedError : SystemError;
  return new ErrorClass(`Cannot ${act}: ${text} (${code} from ${syscall})`, { code, errno, syscall });
}

/** Whether an addon call failed. */
export function isFailure(answer: unknown): answer is NativeFailure {
  return typeof answer === 'object' && answer !== null && 'errno' in answer && 'syscall' in answer;
}

/** The answer, or the error thrown. */
export function orThrow<T>(act: string, answer: T | NativeFailure): T {
  if (isFailure(answer)) throw systemError(act, answer.errno, answer.syscall);
  return answer;
}
