import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMapOptions } from '#src/cli/map-options.js';
import { didYouMean } from '#src/cli/suggest.js';

const GOOD: Record<string, [string, Record<string, unknown>]> = {
  'a module and inputs': ['m.mjs a b', { module: 'm.mjs', inputs: ['a', 'b'], input: undefined, onError: 'stop', retries: 0 }],
  'options after inputs': ['m.mjs a --processes 3', { inputs: ['a'], processes: 3 }],
  'an inline value': ['m.mjs --chunk-size=7', { chunkSize: 7 }],
  'short options in a row': ['-0r m.mjs a', { nullSeparated: true, recursive: true }],
  'a short option with its value': ['m.mjs -p4 -i ndjson', { processes: 4, input: 'ndjson' }],
  'words after --': ['m.mjs -- --odd-name', { inputs: ['--odd-name'] }],
  'stdin as -': ['m.mjs --files-from -', { filesFrom: '-', inputs: [] }],
  'the last of a repeated option': ['m.mjs --timeout 5 --timeout 9', { timeout: 9 }],
  'skip and a retry': ['m.mjs --on-error skip --retries 2', { onError: 'skip', retries: 2 }],
  'progress on and off': ['m.mjs --no-progress', { progress: false }],
  'help without a module': ['--help', { help: true }],
};

for (const [name, [words, expected]] of Object.entries(GOOD)) {
  test(`parseMapOptions() takes ${name}`, () => {
    const options = parseMapOptions(words.split(' ')) as unknown as Record<string, unknown>;
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(options[key], value, key);
  });
}

const BAD: Record<string, [string, RegExp]> = {
  'a mistyped option': ['m.mjs --procceses 2', /unknown option '--procceses', did you mean '--processes'\?/],
  'an option like nothing': ['m.mjs --zzz', /^unknown option '--zzz'$/],
  'an unknown short option': ['m.mjs -q', /unknown option '-q'/],
  'a missing value': ['m.mjs --timeout', /'--timeout' needs a value: --timeout MS/],
  'an empty value': ['m.mjs --resume=', /'--resume' needs a value/],
  'an option as a value': ['m.mjs --output --unordered', /'--output' needs a value .*'--unordered' follows/],
  'a value for a flag': ['m.mjs --unordered=yes', /'--unordered' takes no value, received 'yes'/],
  'no number': ['m.mjs --processes many', /'--processes' takes a whole number of at least 1, received 'many'/],
  'a fraction': ['m.mjs --chunk-size 1.5', /received '1.5'/],
  'a negative number': ['m.mjs --retries -1', /at least 0, received '-1'/],
  'zero processes': ['m.mjs -p 0', /received '0'/],
  'an unknown word': ['m.mjs --on-error skipp', /takes stop or skip, received 'skipp', did you mean 'skip'/],
  'no module': ['--unordered', /no module given/],
  'two lists': ['m.mjs a --files-from b', /'--files-from' and the input 'a' exclude each other/],
  'two minds about progress': ['m.mjs --progress --no-progress', /exclude each other/],
  'one file for two things': ['m.mjs --output x --resume x', /'x' is named for two/],
};

for (const [name, [words, message]] of Object.entries(BAD)) {
  test(`parseMapOptions() refuses ${name} and names the word`, () => {
    assert.throws(() => parseMapOptions(words.split(' ')), { name: 'UsageError', message });
  });
}

test('didYouMean() is silent when nothing is near', () => {
  assert.equal(didYouMean('elephant', ['map', 'doctor']), '');
  assert.equal(didYouMean('docter', ['map', 'doctor']), ", did you mean 'doctor'?");
});
