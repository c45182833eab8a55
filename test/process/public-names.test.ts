/**
 * Everything that Python's package has is there, under the name that the rules of the contract make of it.
 *
 * Runs in the test process.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as everything from '#src/index.js';
import { eachKind } from '../support/kinds.js';
import { clean, program } from './process-support.js';

/** `multiprocessing.__all__`, `concurrent.futures.__all__`, and what each is called here; null: see why. */
const NAMES: Readonly<Record<string, string | null>> = {
  Array: 'Array',
  AuthenticationError: 'AuthenticationError',
  Barrier: 'Barrier',
  BoundedSemaphore: 'BoundedSemaphore',
  BufferTooShort: 'BufferTooShortError',
  Condition: 'Condition',
  Event: 'Event',
  JoinableQueue: 'JoinableQueue',
  Lock: 'Lock',
  Manager: 'Manager',
  Pipe: 'Pipe',
  Pool: 'Pool',
  Process: 'Process',
  ProcessError: 'ProcessError',
  Queue: 'Queue',
  RLock: 'RLock',
  RawArray: 'RawArray',
  RawValue: 'RawValue',
  Semaphore: 'Semaphore',
  SimpleQueue: 'SimpleQueue',
  TimeoutError: 'TimeoutError',
  Value: 'Value',
  active_children: 'activeChildren',
  allow_connection_pickling: null, // connections travel anyway
  cpu_count: 'cpuCount',
  current_process: 'currentProcess',
  freeze_support: null, // nothing is run a second time
  get_all_start_methods: 'getAllStartMethods',
  get_context: 'getContext',
  get_logger: 'getLogger',
  get_start_method: 'getStartMethod',
  log_to_stderr: 'logToStderr',
  parent_process: 'parentProcess',
  reducer: null, // classes say themselves how they travel: `serialize`, `deserialize`
  set_executable: 'setExecutable',
  set_forkserver_preload: 'setForkserverPreload',
  set_start_method: 'setStartMethod',
  FIRST_COMPLETED: null, // a string
  FIRST_EXCEPTION: null,
  ALL_COMPLETED: null,
  CancelledError: 'CancelledError',
  InvalidStateError: 'InvalidStateError',
  BrokenExecutor: 'BrokenExecutorError',
  Future: 'Future',
  Executor: 'Executor',
  wait: 'wait',
  as_completed: 'asCompleted',
  ProcessPoolExecutor: 'ProcessPoolExecutor',
  ThreadPoolExecutor: 'ThreadPoolExecutor',
  Client: 'Client',
  Listener: 'Listener',
  ShareableList: 'ShareableList',
  SharedMemory: 'SharedMemory',
  BaseManager: 'BaseManager',
  SyncManager: 'SyncManager',
  ThreadPool: 'ThreadPool',
};

test('Everything of Python is exported under the name that the rules make of it  [_TestImportStar.test_import] [M-30, M-31, M-32]', () => {
  const exported = everything as unknown as Readonly<Record<string, unknown>>;
  for (const [python, ours] of Object.entries(NAMES)) if (ours !== null) assert.equal(typeof exported[ours], 'function', python);
  assert.deepEqual(
    Object.entries(exported).filter(([, value]) => value === undefined || value === null),
    [],
  );
});

test(
  'Every entry point of the package names what it has, and nothing that it has not  [MiscTestCase.test__all__]',
  clean(async (t) => {
    const found = await program(t, 'entry-points.mjs').value<Record<string, { names: string[]; strangers: string[] }>>('found');
    assert.ok(Object.keys(found).length >= 7, Object.keys(found).join());
    for (const [entry, { names, strangers }] of Object.entries(found)) {
      assert.ok(names.length > 0, entry);
      assert.deepEqual(strangers, [], entry);
    }
    assert.deepEqual(found['multiproc']?.names, Object.keys(everything).sort());
  }),
);

eachKind(
  'a pool may have many workers  [MiscTestCase.test_large_pool]',
  async () => {
    const pool = new everything.Pool({ processes: 70, context: 'forkserver' });
    const squares = await pool.map(
      (x: number) => x * x,
      Array.from({ length: 200 }, (_, i) => i),
      { chunkSize: 1 },
    );
    assert.deepEqual(
      squares,
      Array.from({ length: 200 }, (_, i) => i * i),
    );
    pool.close();
    await pool.join();
  },
  ({ name }) => name === 'forkserver',
);
