/**
 * What the body of a definition says: where the receiver finds or how it builds a function, class or module.
 *
 * Runs in every process. Types and their JSON form only; definitions travel over the private channel made at
 * spawn, never over a socket.
 */

/** A module to load: by URL, or by what an import declaration of `base` says. */
export interface ModuleBody {
  readonly kind: 'module';
  readonly id: number;
  readonly format: 'esm' | 'commonjs' | 'builtin' | 'thunk' | 'own';
  /** A `file:`, `data:` or `node:` URL, or the specifier as it stands in `base`; of a thunk, its text; 'multiproc' if `own`. */
  readonly specifier: string;
  readonly base?: string;
  /** Whether names that the module does not export will be asked for. */
  readonly probe: boolean;
  /** Of `esm`: what `import()` gives is an ES module as far as the sender knows, no CommonJS. */
  readonly isModule?: boolean;
}

/** A function or class that a module holds. */
export interface MemberBody {
  readonly kind: 'member';
  readonly id: number;
  readonly module: number;
  /** `export`: the path starts at the namespace (or `module.exports`); `scope`: at the variables of the module. */
  readonly space: 'export' | 'scope';
  readonly path: readonly string[];
  readonly name: string;
  /** `textHash` of the function, for what must not have changed. */
  readonly hash?: string;
}

/** A function that every process has, such as `Math.max`. */
export interface GlobalBody {
  readonly kind: 'global';
  readonly id: number;
  readonly path: readonly string[];
}

/** A function or class by its source text. */
export interface SourceBody {
  readonly kind: 'source';
  readonly id: number;
  /** The module whose variables the text names freely. */
  readonly module?: number;
  readonly name: string;
  readonly text: string;
  readonly form: SourceForm;
  readonly strict: boolean;
  readonly isClass: boolean;
  /** A class whose definition may already read captured values (`extends`, `static`): they come before it. */
  readonly early: boolean;
  /** The captured variables whose values each message carries. */
  readonly names: readonly string[];
  /** Names of `names` that the module itself may have: its own variable then counts. */
  readonly maybe: readonly string[];
  /** The function itself may be this variable of the module. */
  readonly prefer?: { readonly name: string; readonly hash: string };
  /** Names for what every file has of its own, or what a test runner put into the text. */
  readonly standIns: Readonly<Record<string, StandIn>>;
  /** The folder that `/file` means in what a runner made of `import()`. */
  readonly root?: string;
  /** Captured symbols that every process has. */
  readonly symbols: Readonly<Record<string, SymbolName>>;
  readonly usesMeta: boolean;
  /** Whether the script is the main script of the process that defined this: nobody may load it. */
  readonly main: boolean;
  readonly url: string;
  /** The script's name as stacks show it, and where the text starts in it. */
  readonly filename: string;
  readonly line: number;
  readonly column: number;
}

/** `require`, `import()` and `import.meta` of the file; `counter` is a coverage counter, which counts nothing elsewhere. */
export type StandIn = 'require' | 'import' | 'meta' | 'counter';

/** A symbol of the global registry, or one of the language. */
export type SymbolName = { readonly key: string } | { readonly wellKnown: string };

/** How the text becomes an expression: as it is, as the member of an object literal, or as a factory to be called with `ENV_NAME`. */
export type SourceForm = 'expression' | 'method' | 'task';

export type DefinitionBody = ModuleBody | MemberBody | GlobalBody | SourceBody;

/** The wire form of a body; `requires` are the ids of what must be loaded before. */
export function writeBody(body: DefinitionBody, requires: readonly number[]): Uint8Array {
  return Buffer.from(JSON.stringify([requires, body]));
}

/** @throws {SyntaxError} If these bytes are no body. */
export function readBody(bytes: Uint8Array): { requires: readonly number[]; body: DefinitionBody } {
  const parsed: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  if (!Array.isArray(parsed)) throw new SyntaxError('Definition is no array');
  const [requires, body] = parsed as [unknown, unknown];
  if (!Array.isArray(requires) || !requires.every(Number.isSafeInteger) || !isBody(body))
    throw new SyntaxError('Definition is none');
  return { requires: requires as number[], body };
}

/** Whether it names itself and its kind, so that it can be kept; what else is wrong with it fails where it is used. */
function isBody(body: unknown): body is DefinitionBody {
  if (typeof body !== 'object' || body === null) return false;
  const { id, kind } = body as Partial<DefinitionBody>;
  return Number.isSafeInteger(id) && (kind === 'module' || kind === 'member' || kind === 'global' || kind === 'source');
}

/** A short fingerprint of a text: two texts of one function that differ have different ones. */
export function textHash(text: string): string {
  let low = 0x811c9dc5;
  let high = 0x01000193;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high + code, 0x85ebca6b) ^ (high >>> 13);
  }
  return `${text.length.toString(36)}.${(low >>> 0).toString(36)}.${(high >>> 0).toString(36)}`;
}

/** The source text of a function as V8 has it. */
export function sourceOf(fn: object): string {
  return Function.prototype.toString.call(fn);
}
