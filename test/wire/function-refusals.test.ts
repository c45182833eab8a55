import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { DeserializationError, SerializationError } from '#src/errors.js';
import { Process } from '#src/index.js';
import { REASONS } from '#src/wire/function-errors.js';
import { encodeFunction, registerFunctionExtensions } from '#src/wire/function-extension.js';
import { runNode, withChild, withFolder } from './function-support.js';

registerFunctionExtensions();

const connection = { socket: new Socket() };
class Guarded {
  #secret = 1;
  read() {
    return this.#secret;
  }
}
const guarded = new Guarded();

function refusal(fn: unknown): { message: string; path: string } {
  try {
    encodeFunction(fn);
  } catch (error) {
    assert.ok(error instanceof SerializationError, String(error));
    return { message: error.message, path: error.path };
  }
  throw new assert.AssertionError({ message: 'the function was not refused' });
}

const place = String.raw`\(dist-test/wire/function-refusals\.test\.js:\d+:\d+\)`;

test('a captured object of a class of Node is refused with its path [message 1]', () => {
  const { message, path } = refusal(function f() {
    return connection.socket;
  });
  assert.match(
    message,
    new RegExp(
      `^Cannot send 'f' ${place}: it captures 'connection': fn\\{connection\\}\\.socket: .*Socket from node:net.*Create it inside the function`,
    ),
  );
  assert.equal(path, 'fn{connection}.socket');
});

test('a captured instance with #private fields is refused [message 2]', () => {
  assert.match(
    refusal(() => guarded).message,
    /captures 'guarded': .*class 'Guarded' with #private fields.*imported values are loaded in the child instead of copied/,
  );
});

test('a bound function is refused [message 3]', () => {
  assert.match(refusal(guarded.read.bind(guarded)).message, /'bound read': it is a bound function; pass an arrow/);
});

test('a native function without a global name is refused [message 4]', () => {
  let resolve: unknown;
  void new Promise((settle) => {
    resolve = settle;
  });
  assert.match(refusal(resolve).message, /native function without a global name/);
});

test('an arrow that uses the `this` around it throws where it uses it [message 5]', async () => {
  class Holder {
    v = 1;
    f = () => this.v;
  }
  await withChild(async (child) => {
    await assert.rejects(child.call(new Holder().f), (error) => {
      assert.ok(error instanceof DeserializationError);
      assert.match(error.message, /^The arrow function 'f' .* uses 'this\.v'; 'this' is not sent.*const v = this\.v/);
      return true;
    });
  });
});

test('an arrow that gives away the `this` around it is told so, not what asked for it [message 5]', async () => {
  class Holder {
    v = 1;
    whole = () => this;
    keys = () => Object.keys(this);
    tag = () => Object.prototype.toString.call(this);
  }
  const said = "uses 'this'; 'this' is not sent. Copy what it needs first: const { v } = this";
  await withChild(async (child) => {
    for (const name of ['whole', 'keys', 'tag'] as const) {
      await assert.rejects(child.call(new Holder()[name]), ({ message }: Error) => message.endsWith(said));
    }
  });
});

test('objects of Node are named by modules that can be imported [message 1]', async () => {
  const timer = setTimeout(() => undefined, 0);
  clearTimeout(timer);
  const server = createServer();
  assert.match(refusal(() => timer).message, /an instance of Timeout from node:timers,/);
  assert.match(refusal(() => server).message, /an instance of Server from node:http,/);
  const handle = await open('/dev/null');
  assert.match(refusal(() => handle).message, /an instance of FileHandle from node:fs,/);
  await handle.close();
});

test('a result that cannot be sent is not to be created elsewhere, but returned as data [message 12]', async () => {
  await withChild(async (child) => {
    const agent = async () => new (await import('node:http')).Agent();
    await assert.rejects(
      child.call(agent),
      /^SerializationError: Cannot send result: .*node:http.* copied\. Return data instead/,
    );
    const Hidden = class {
      #secret = 1;
      read = () => this.#secret;
    };
    await assert.rejects(
      child.call(() => new Hidden()),
      /^SerializationError: Cannot send result: .*#private fields.* \[deserialize\] methods, or return its data$/,
    );
  });
});

test('a class without a name is called a class', () => {
  const socket = new Socket();
  const make = () =>
    class {
      read() {
        return socket;
      }
    };
  assert.match(refusal(make()).message, /^Cannot send an anonymous class \(/);
});

test('eval, super and #private names outside their class are refused [message 6]', () => {
  const base = { f: () => 1 };
  const derived = {
    __proto__: base,
    f(): unknown {
      return (super.toString as () => string)();
    },
  };
  // oxlint-disable-next-line no-eval -- what is refused here.
  assert.match(refusal((x: unknown) => [eval('x'), x]).message, /it uses eval/);
  assert.match(refusal(derived.f).message, /it uses 'super' outside its class/);
  assert.match(refusal(guarded.read).message, /#private name outside its class/);
  assert.match(
    refusal(
      (function () {
        return () => arguments[0] as unknown;
      })(),
    ).message,
    /'arguments' of the function around it/,
  );
});

const early = refusalOfLater();
const later = 1;
function refusalOfLater(): string {
  return refusal(() => later).message;
}
test('a captured variable declared later is refused while it is not there [message 7]', () => {
  assert.match(early, /captured variable 'later' is not initialised yet/);
});

test('a module that cannot be imported fails the call with its cause [message 9]', async () => {
  const { loadDefinition } = await import('#src/wire/definitions.js');
  const { writeBody } = await import('#src/wire/definition-body.js');
  const { heldDefinition } = await import('#src/wire/definitions.js');
  await loadDefinition(
    writeBody({ kind: 'module', id: 2 ** 40, format: 'esm', specifier: 'file:///nowhere/a.mjs', probe: false }, []),
  );
  assert.throws(
    () => heldDefinition(2 ** 40),
    (error) =>
      error instanceof DeserializationError &&
      error.message.startsWith('Child could not import file:///nowhere/a.mjs: ') &&
      error.cause instanceof Error,
  );
});

test('a result that cannot be sent fails its call only [message 12]', async () => {
  await withChild(async (child) => {
    await assert.rejects(
      child.call(function* () {
        yield 1;
      }),
      /generator/,
    );
    assert.equal(await child.call(() => 1), 1);
  });
});

test('a Proxy is refused, an emitter is not', () => {
  assert.match(refusal(new Proxy(() => 1, {})).message, /it is a Proxy/);
  const emitter = new (class extends EventEmitter {})();
  encodeFunction(() => emitter);
});

test('a function whose file changed since it was loaded here is refused by the child [message 10]', async () => {
  await withFolder(async (folder) => {
    const file = join(folder, 'changing.mjs');
    writeFileSync(file, 'export function f() { return 1 }\n');
    const { f } = (await import(file)) as { f: () => number };
    writeFileSync(file, 'export function f() { return 2 }\n');
    await withChild((child) =>
      assert.rejects(child.call(f), (error) => {
        assert.ok(error instanceof DeserializationError);
        assert.match(error.message, /^'f' of .*changing\.mjs exists in the child but its text differs/);
        return true;
      }),
    );
  });
});

const PERMISSION = Number(process.versions.node.split('.')[0]) >= 22;

test(
  'without an inspector, exports, task() and remote() travel, and closures say what to do [message 8]',
  { skip: !PERMISSION },
  () =>
    withFolder(async (folder) => {
      const permissions = ['--no-warnings', '--permission', '--allow-fs-read=*', '--allow-child-process', '--allow-addons'];
      writeFileSync(
        join(folder, 'lib.mjs'),
        'export const double = (x) => x * 2;\nexport class Lib { static half(x) { return x / 2 } };\n',
      );
      const program = join(folder, 'main.mjs');
      writeFileSync(
        program,
        `import { double, Lib } from './lib.mjs';
       const { ProcessPoolExecutor, Process, remote, task } = await import(process.env.MULTIPROC);
       const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
       const k = 1;
       const captures = (x) => x + k;
       const child = new Process({ target: captures, args: [1] });
       const results = await Promise.all([
         executor.submit(captures, 1).result().catch((error) => error.message),
         child.start().catch((error) => error.message),
         executor.submit(double, 4).result(),
         executor.submit(Lib.half, 4).result(),
         executor.submit(Math.max, 4, 5).result(),
         executor.submit(task({ k }, ({ k }) => (x) => x + k), 4).result(),
         executor.submit(remote(() => import('./lib.mjs')).double, 5).result(),
       ]);
       console.log(JSON.stringify(results));
       await executor.shutdown();`,
      );
      const env = { MULTIPROC: new URL('../../dist/bundle/index.js', import.meta.url).href };
      const [submitted, started, ...worked] = JSON.parse(
        (await runNode([...permissions, program], '', process.execPath, env)).output,
      ) as string[];
      for (const message of [submitted, started]) {
        assert.match(
          message ?? '',
          /^Cannot send 'captures': captured variables cannot be read, because the inspector is not available/,
        );
        assert.match(
          message ?? '',
          /\(run (?:with --allow-inspector, or )?without --permission\)\. Export it from a module, or use task\(/,
        );
      }
      assert.deepEqual(worked, [8, 2, 5, 5, 10]);
    }),
);

test('what the sender refuses fails its own future, and start(), and nothing else [message 3]', async () => {
  const bound = guarded.read.bind(guarded);
  await withChild(async (child) => {
    await assert.rejects(child.call(bound), SerializationError);
    assert.equal(await child.call(() => 1), 1);
  });
  const child = new Process({ target: bound });
  await assert.rejects(child.start(), (error) => {
    assert.ok(error instanceof SerializationError);
    assert.equal(error.path, 'target');
    return true;
  });
  assert.equal(child.pid, undefined);
});

test('a module that is missing in the child fails the task with its cause, not the executor [message 9]', () =>
  withFolder(async (folder) => {
    const file = join(folder, 'vanishing.mjs');
    writeFileSync(file, 'export const f = () => 1;\n');
    const { f } = (await import(file)) as { f: () => number };
    rmSync(file);
    await withChild(async (child) => {
      await assert.rejects(child.call(f), (error) => {
        assert.ok(error instanceof DeserializationError, String(error));
        assert.match(error.message, /^Child could not import file:.*vanishing\.mjs: Cannot find module/);
        assert.ok(error.cause instanceof Error);
        return true;
      });
      assert.equal(await child.call(() => 1), 1);
    });
  }));

test('a module that throws while the child imports it fails the task with that error [message 9]', () =>
  withFolder(async (folder) => {
    const file = join(folder, 'throwing.mjs');
    writeFileSync(
      file,
      `if (process.argv[1] !== undefined && process.ppid === ${process.pid}) throw new RangeError('only at home');\nexport const f = () => 1;\n`,
    );
    const { f } = (await import(file)) as { f: () => number };
    await withChild((child) => assert.rejects(child.call(f), /Child could not import file:.*throwing\.mjs: only at home/));
  }));

test('a generator as a result is refused, by name, and only that task fails [message 12]', async () => {
  await withChild(async (child) => {
    const refused = child.call(function* counting() {
      yield 1;
    });
    const later = child.call(() => 'still there');
    await assert.rejects(refused, (error) => {
      assert.ok(error instanceof SerializationError);
      assert.match(error.message, /^Cannot send result: .*generator/i);
      assert.equal(error.path, 'result');
      return true;
    });
    assert.equal(await later, 'still there');
  });
});

test('a class whose computed names need a variable is refused by the child, which says what to do', () =>
  withChild(async (child) => {
    const key = 'go';
    class Computed {
      [key](): number {
        return 1;
      }
    }
    await assert.rejects(
      child.call(() => new Computed().go()),
      /^DeserializationError: Cannot make 'Computed' \(dist-test.*\) again from its text: key is not defined\. .*computed member name.*export the class from a module/,
    );
  }));

test('docs/functions.md has every reason for which a function is refused', () => {
  const docs = readFileSync(new URL('../../docs/functions.md', import.meta.url), 'utf8');
  const missing = Object.values(REASONS).filter((reason) => !docs.includes(/^[^,;(]*/.exec(reason)?.[0].trim() ?? ''));
  assert.deepEqual(missing, []);
});
