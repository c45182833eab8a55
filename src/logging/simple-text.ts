/**
 * The text of a record whose values JSON says as they are, put together without `JSON.stringify`: what all records of a call in the
 * program have in common is prepared once. It takes half the time.
 *
 * Runs in children.
 */
import type { LogRecord } from './record-text.js';

/** What records with the same raw message and category have in common. */
interface Template {
  readonly category: readonly string[];
  /** The JSON between the time and the first part of the message. */
  readonly head: string;
  /** The message's parts of text, and the JSON of each with a comma before all but the first. */
  readonly texts: readonly unknown[];
  readonly quoted: readonly string[];
}

/**
 * The JSON of the record, as in `record-text.ts`.
 *
 * @param message The record's, and like its properties of simple values: LogTape makes it when it is asked for.
 */
export function simpleText(record: LogRecord, message: readonly unknown[], stamp: string): string {
  const { texts, quoted, head } = templateOf(record, message);
  const { properties, timestamp } = record;
  let text = `[${Number.isFinite(timestamp) ? timestamp : 0}${head}`;
  for (let index = 0; index < message.length; index++) {
    const part = message[index];
    if (index % 2 === 0 && part === texts[index]) text += quoted[index] as string;
    else text += index === 0 ? literal(part) : `,${literal(part)}`;
  }
  text += '],{';
  let comma = '';
  for (const key of Object.keys(properties)) {
    text += `${comma}${keyText(key)}${literal(properties[key])}`;
    comma = ',';
  }
  // The stamp comes last in the properties: of two equal names JSON.parse takes the last.
  return stamp === '' ? `${text}}]` : `${text}${comma}${stamp}}]`;
}

const KEPT = 500;
const KEPT_CHARACTERS = 500;
const templates = new Map<LogRecord['rawMessage'], Template>();
let plain: Template = { category: [], head: ',[],null,[', texts: [], quoted: [] };

function templateOf(record: LogRecord, message: readonly unknown[]): Template {
  const { category, rawMessage } = record;
  if (message.length === 1 && rawMessage === message[0]) {
    if (plain.category !== category) plain = { category, head: `,${JSON.stringify(category)},null,[`, texts: [], quoted: [] };
    return plain;
  }
  const known = templates.get(rawMessage);
  return known?.category === category ? known : newTemplate(record, message);
}

function newTemplate({ category, rawMessage }: LogRecord, message: readonly unknown[]): Template {
  const template: Template = {
    category,
    head: `,${JSON.stringify(category)},${JSON.stringify(rawMessage)},[`,
    texts: message.map((part, index) => (index % 2 === 0 ? part : undefined)),
    quoted: message.map((part, index) => (index % 2 === 1 ? '' : index === 0 ? literal(part) : `,${literal(part)}`)),
  };
  // The parts of a template literal are frozen, and the same object at each call.
  return typeof rawMessage === 'string' || Object.isFrozen(rawMessage) ? keep(templates, rawMessage, template) : template;
}

const keyTexts = new Map<string, string>();

function keyText(key: string): string {
  return keyTexts.get(key) ?? keep(keyTexts, key, `${JSON.stringify(key)}:`);
}

/** Texts that a program makes anew each time do not pile up. */
function keep<Key extends { readonly length: number }, T>(map: Map<Key, T>, key: Key, value: T): T {
  if (map.size >= KEPT) map.clear();
  if (key.length <= KEPT_CHARACTERS) map.set(key, value);
  return value;
}

/** What JSON writes with a backslash; any half of a character may be one without its other half. */
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/;

function literal(value: unknown): string {
  return typeof value !== 'string' ? String(value) : ESCAPED.test(value) ? JSON.stringify(value) : `"${value}"`;
}
