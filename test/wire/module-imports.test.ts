import assert from 'node:assert/strict';
import test from 'node:test';
import { moduleNames } from '#src/wire/module-imports.js';

test('moduleNames() reads every form of import declaration', () => {
  const { imports } = moduleNames(`
    import './side-effect.js'
    import one, { two as three, type Four, default as five /* six */ } from './a.js';
    import type { Seven } from './b.js';
    import * as eight from "./c.js"; import nine, * as ten from 'd'
    import{eleven}from'./e.js';
    const x = import('./f.js'); import.meta.url;
  `);
  assert.deepEqual(
    [...imports],
    [
      ['three', { specifier: './a.js', name: 'two' }],
      ['five', { specifier: './a.js', name: 'default' }],
      ['one', { specifier: './a.js', name: 'default' }],
      ['eight', { specifier: './c.js', name: '*' }],
      ['ten', { specifier: 'd', name: '*' }],
      ['nine', { specifier: 'd', name: 'default' }],
      ['eleven', { specifier: './e.js', name: 'eleven' }],
    ],
  );
});

test('moduleNames() is not misled by comments, strings, templates and regular expressions', () => {
  const { imports, declared } = moduleNames(`
    // import { a } from './a.js'
    /* import { b } from './b.js'; const inComment = 1 */
    const text = "import { c } from './c.js'", quoted = 'const no = 1';
    const template = \`import { d } from './d.js' \${ { e: \`const f = 1\` } } function g() {}\`;
    const pattern = /["'\`{(]/g; const divided = 4 / 2 / 1;
    function declaredFunction() { const inner = 1; }
    class DeclaredClass { method() { let inner2 = /\\/{/; } }
    import { late } from './late.js';
  `);
  assert.deepEqual([...imports.keys()], ['late']);
  assert.deepEqual([...declared], ['text', 'template', 'pattern', 'divided', 'declaredFunction', 'DeclaredClass']);
});
