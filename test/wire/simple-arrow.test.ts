import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { analyseSource, SourceRefusal } from '#src/wire/function-source.js';
import { isClosedArrow, namesInSimpleArrow } from '#src/wire/simple-arrow.js';
import { always } from '../support/properties.js';

const NAMES = ['a', 'b', 'of', 'get', 'name', 'ünï', '$', '_x'];
const WORDS = /[\p{ID_Continue}$]+/gu;
const seen = (text: string): readonly string[] | undefined => namesInSimpleArrow(text, NAMES, new Set(text.match(WORDS)));
/** What V8 says; undefined of what does not compile. */
function asked(text: string, names = NAMES): readonly string[] | undefined {
  try {
    return analyseSource(`${text} /* not simple */`, () => names, undefined).names;
  } catch (error) {
    if (error instanceof SourceRefusal) return undefined;
    throw error;
  }
}

const closed = (text: string): boolean => isClosedArrow(text, new Set(text.match(WORDS)));

const word = fc.constantFrom(...NAMES, 'x', 'y', 'o');
const { expression } = fc.letrec<{ expression: string; member: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    word,
    fc.constantFrom(
      '1',
      '1.5',
      '1.\n',
      '1.',
      '.5',
      '0xa',
      "'a'",
      '"b"',
      "'it'",
      'this',
      'null',
      '/a/',
      '`a`',
      '`${a}`',
      "'\\''",
      '"a: b"',
    ),
    fc.tuple(tie('expression'), fc.constantFrom('.', '?.', '. ', '\n.'), word).map(([of, dot, key]) => `${of}${dot}${key}`),
    fc.tuple(tie('expression'), tie('expression')).map(([of, key]) => `${of}[${key}]`),
    fc.tuple(tie('expression'), fc.array(tie('expression'), { maxLength: 2 })).map(([f, args]) => `${f}(${args.join(', ')})`),
    fc
      .tuple(
        tie('expression'),
        fc.constantFrom('+', '-', '*', '/', '<', '&&', '??', ',', ' in ', '=', '!', '--'),
        tie('expression'),
      )
      .map(([left, operator, right]) => `${left}${operator}${right}`),
    fc.tuple(tie('expression'), tie('expression'), tie('expression')).map(([x, y, z]) => `(${x} ? ${y} : ${z})`),
    fc.array(tie('member'), { maxLength: 3 }).map((members) => `({ ${members.join(', ')} })`),
    fc.array(tie('expression'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
    tie('expression').map((of) => `[...${of}]`),
    tie('expression').map((of) => `(${of})`),
    tie('expression').map((of) => `typeof ${of}`),
    fc.tuple(word, tie('expression')).map(([parameter, of]) => `(${parameter} => ${of})`),
    fc.tuple(word, tie('expression')).map(([name, of]) => `function ${name}() { return ${of} }`),
    fc.tuple(word, tie('expression')).map(([name, of]) => `class ${name} { ${name} = ${of} }`),
  ),
  member: fc.oneof(
    word,
    fc.tuple(word, tie('expression')).map(([key, value]) => `${key}: ${value}`),
    fc.tuple(word, tie('expression')).map(([key, value]) => `[${key}]: ${value}`),
    fc.tuple(word, tie('expression')).map(([key, value]) => `${key}() { return ${value} }`),
    fc.tuple(word, tie('expression')).map(([key, value]) => `get ${key}() { return ${value} }`),
    tie('expression').map((of) => `...${of}`),
  ),
}));
const statement = fc.oneof(
  expression.map((of) => `return ${of};`),
  fc.tuple(word, expression).map(([name, of]) => `const ${name} = ${of};`),
  fc.tuple(word, expression).map(([name, of]) => `let { ${name} } = ${of};`),
  fc.tuple(word, expression).map(([name, of]) => `${name}: ${of};`),
  fc.tuple(word, expression).map(([name, of]) => `({ ${name} } = ${of});`),
  fc.tuple(expression, expression).map(([of, then]) => `if (${of}) ${then};`),
  fc.tuple(expression, expression).map(([of, then]) => `if (${of}) { ${then} }`),
  fc.tuple(word, expression).map(([name, of]) => `for (const ${name} of ${of}) ${name};`),
  fc.tuple(word, expression).map(([name, of]) => `for (${name} of ${of}) ${name};`),
  fc.tuple(word, expression).map(([name, of]) => `try { ${of} } catch (${name}) { ${name} }`),
  fc.tuple(word, expression).map(([name, of]) => `// ${name}'\n${of};`),
  fc.tuple(word, expression).map(([name, of]) => `/* ${name} */ ${of};`),
);
const head = fc.oneof(
  fc.array(word, { maxLength: 2 }).map((parameters) => `(${parameters.join(', ')})`),
  fc.tuple(word, expression).map(([name, of]) => `(${name} = ${of})`),
  fc.constantFrom('x', '({ a })', '({ x: b })', '(...x)', '()'),
);
const arrow = fc
  .tuple(
    head,
    fc.oneof(
      expression.map((of) => (of.includes(',') ? `(${of})` : of)), // what follows a comma would be no part of the arrow
      fc.array(statement, { minLength: 1, maxLength: 3 }).map((parts) => `{ ${parts.join(' ')} }`),
    ),
  )
  .map(([parameters, body]) => `${parameters} => ${body}`);

test('what the words of an arrow function say about its variables is what V8 says, or nothing', () => {
  let both = 0;
  always(
    fc.property(arrow, (text) => {
      const names = seen(text);
      const answer = names === undefined ? undefined : asked(text);
      if (answer === undefined) return;
      both += 1;
      assert.deepEqual(names, answer, text);
    }),
    10_000,
  );
  assert.ok(both > 200, `only ${both} texts were compared`);
});

test('an arrow function that is closed by its words uses nothing that V8 knows of', () => {
  let compared = 0;
  always(
    fc.property(arrow, (text) => {
      const answer = closed(text) ? asked(text, [...NAMES, 'x', 'y', 'o']) : undefined;
      if (answer === undefined) return;
      compared += 1;
      assert.deepEqual(answer, [], text);
    }),
    10_000,
  );
  assert.ok(compared > 100, `only ${compared} texts were compared`);
});

test('arrow functions of parameters and keywords only are closed, others are not', () => {
  const yes = [
    '(x) => x + 1',
    'x => x',
    '() => 1.5e3',
    '(a, b) => { if (a) return b.a.then; throw null }',
    '(x) => x.name?.of',
    '(a) => ({ a })',
  ];
  const no = [
    '(x) => x + y',
    '() => undefined',
    '(x) => Math.max(x)',
    '(x = y) => x',
    '({ x }) => x',
    '(x) => ({ y })',
    '(...x) => x',
  ];
  const hidden = [
    '() => { 1.\n y }',
    '(x) => `${y}`',
    '(x) => { x\n/y/x }',
    '(x) => this',
    '(x) => new.target',
    '(x) => { var x }',
    '(x) => y => x',
  ];
  for (const text of yes) assert.ok(closed(text), text);
  for (const text of [...no, ...hidden]) assert.ok(!closed(text), text);
});

test('simple arrow functions are seen through, others are left to V8', () => {
  const cases: [string, readonly string[] | undefined][] = [
    ['(x) => x + a', ['a']],
    ['x => b(x.a, ...a)', ['a', 'b']],
    ['(x) => x.a', []],
    ["(x) => ({ x, a, 'name': b })", ['a', 'b']],
    ['() => { a.b = [b?.[name], "of"] }', ['a', 'b', 'name']],
    ['(a) => a', undefined],
    ['(x = a) => x', undefined],
    ['(x) => { const y = a; return y }', undefined],
    ['(x) => ({ a: x })', undefined],
    ['(x) => ({ a() {} })', undefined],
    ['(x) => () => a', undefined],
    ['(x) => `${a}`', undefined],
    ['(x) => x / a', undefined],
    ["(x) => '\\'' + a", undefined],
    ['(x) => { 1.\n a }', undefined],
    ['(x) => { // it\'s\n return a + "\'" }', undefined],
    ['function (x) { return a }', undefined],
  ];
  for (const [text, expected] of cases) assert.deepEqual(seen(text), expected, text);
});
