import assert from 'node:assert/strict';
import test from 'node:test';
import { inspect } from 'node:util';
import { runInThisContext, Script } from 'node:vm';
import fc from 'fast-check';
import { registerFunctionExtensions } from '#src/wire/function-extension.js';
import { fuzzFunctions } from '../fuzz/function-fuzz.js';
import { withChild } from './function-support.js';
import { always } from '../support/properties.js';

registerFunctionExtensions();

/** Values that structured cloning keeps; what the codec does with others is a test of its own. */
const plain = fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withSparseArray: true, maxDepth: 3 });
const argument = fc.oneof(fc.integer(), fc.string({ unit: 'grapheme' }), fc.array(fc.integer(), { maxLength: 3 }));

test('a closure gives in a child what it gives here, whatever it captures', () =>
  withChild((child) =>
    always(
      fc.asyncProperty(plain, plain, argument, async (first, second, given) => {
        const holder = { second, list: [first] };
        const inner = (): unknown => holder;
        const closure = (x: unknown): unknown => [first, inner(), x];
        assert.equal(shown(await child.call(closure, given)), shown(closure(given)));
      }),
      150,
    ),
  ));

/** Names that are legal for a variable of sloppy code, and near to what the library itself puts into a text. */
const names = fc.oneof(
  fc.stringMatching(/^[a-zA-Z_$][\w$]{0,5}$/),
  fc.constantFrom(
    'ünïcode',
    '变量',
    'of',
    'async',
    'get',
    'set',
    'from',
    'as',
    'undefined$',
    '$multiproc',
    'create',
    'meta',
    'require',
    'exports',
    '__name',
    'c',
    'cov_',
  ),
);
const FORMS: ((name: string) => string)[] = [
  (name) => `(x) => [x, ${name}]`,
  (name) => `x => ({ x, ${name} })`,
  (name) => `async (x) => [x, await ${name}]`,
  (name) => `function f(x) { return [x, ${name}, f.name] }`,
  (name) => `function (x, y = ${name}) { return [x, y, arguments.length] }`,
  (name) => `async function (x) { for await (const y of [${name}]) return [x, y] }`,
  (name) => `({ m(x) { return [x, ${name}] } }).m`,
  (name) => `({ async m(x) { return [x, ${name}] } }).m`,
  (name) => `({ ['a' + 'b'](x) { return [x, ${name}] } }).ab`,
  (name) => `({ 'a-b'(x) { return [x, \`\${typeof ${name}}\`] } })['a-b']`,
  (name) => `Object.getOwnPropertyDescriptor({ get g() { return ${name} } }, 'g').get`,
  (name) => `(x) => { { const ${name} = 1; void ${name} } return [x, (() => ${name})()] }`,
  (name) => `(x) => { class Inner { static #p = ${name}; static read() { return Inner.#p } } return [x, Inner.read()] }`,
  (name) =>
    `(() => { class Outer { #p = ${name}; all(x) { return [x, this.#p] } static run(x) { return new Outer().all(x) } } return Outer.run })()`,
  (name) =>
    `(() => { class Base { b = ${name} } class Sub extends Base { all(x) { return [x, this.b, super.toString === this.toString] } } return (x) => new Sub().all(x) })()`,
  (name) => `(({ a, ...rest }) => (x) => [x, a, rest, ${name}])({ a: 1, b: 2 })`,
  (name) => `(x) => [x, /[/]${'`'}/.test('/'), "${'`'}", ${name}] /* ) */ // }`,
];

test('a function of any form, with a captured variable of any name, gives in a child what it gives here', () =>
  withChild((child) => {
    const samples = fc.array(fc.tuple(names, fc.constantFrom(...FORMS), fc.oneof(fc.integer(), fc.string())), {
      minLength: 60,
      maxLength: 60,
    });
    return always(
      fc.asyncProperty(samples, argument, async (drawn, given) => {
        const legal = drawn.filter(([name, form]) => compiles(maker(name, form)));
        const makers = runInThisContext(`[${legal.map(([name, form]) => maker(name, form)).join(',\n')}]`) as ((
          value: unknown,
        ) => Made)[];
        const made = makers.map((make, i) => make(legal[i]?.[2]));
        const there = await Promise.all(made.map((fn) => outcome(() => child.call(fn, given))));
        const here = await Promise.all(made.map((fn) => outcome(async () => fn(given))));
        for (const [i, [name, form]] of legal.entries()) assert.equal(there[i], here[i], form(name));
      }),
      6,
    );
  }));

type Made = (x: unknown) => unknown;

function maker(name: string, form: (name: string) => string): string {
  return `((${name}) => ${form(name)}\n)`;
}

/** What a call gives, or the error it throws. */
async function outcome(call: () => Promise<unknown>): Promise<string> {
  try {
    return shown(await call());
  } catch (error) {
    return String(error);
  }
}

test('an instance of a class of any fields keeps them, and its methods, both ways', () =>
  withChild((child) =>
    always(
      fc.asyncProperty(fc.dictionary(fc.string({ maxLength: 5, unit: 'grapheme' }), plain, { maxKeys: 5 }), async (fields) => {
        class Holder {
          count(): number {
            return Object.keys(this).length;
          }
        }
        const holder = new Holder();
        for (const [key, value] of Object.entries(fields))
          Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
        const [back, count] = await child.call<[Holder, number]>(
          (given: Holder) => [given, Holder.prototype.count.call(given)],
          holder,
        );
        assert.ok(Object.getPrototypeOf(back) === Holder.prototype);
        assert.equal(count, Object.keys(fields).length);
        assert.equal(shown(Object.entries(back)), shown(Object.entries(holder)));
      }),
      100,
    ),
  ));

test('mutated definitions and messages of functions give values or DeserializationErrors', async () => {
  const { read, failures } = await fuzzFunctions(1500, 7);
  assert.deepEqual(failures.slice(0, 3), []);
  assert.ok(read > 100, 'some are still readable');
});

function compiles(code: string): boolean {
  try {
    return new Script(code) instanceof Script;
  } catch {
    return false;
  }
}

function shown(value: unknown): string {
  return inspect(value, { depth: 12, showHidden: false, maxArrayLength: null, maxStringLength: null });
}
