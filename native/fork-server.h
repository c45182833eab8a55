/* The fork server: a node that has loaded modules, then forks a child for each request of its parent.
 *
 * Why forking a node is sound here, fact by fact (measured on Node 20, 22, 24 and 26; x64, glibc):
 *
 *  1. V8 marks its heap and code pages MADV_DONTFORK: a plain fork dies at its first access. So every private
 *     mapping is marked MADV_DOFORK again, once: no JavaScript runs in the server any more, so V8 maps nothing new.
 *  2. A fork has one thread. Those that node has besides are V8's worker, the scheduler of delayed tasks and (where it
 *     cannot be switched off) the one of SIGUSR1, and libuv's pool; ours (supervisor, guardians) begin in the child.
 *     The server runs with --single-threaded --v8-pool-size=1, so V8 gives its worker next to nothing to do, and
 *     what is given nevertheless after the fork is dropped (fork-platform.h). A child ends by _exit, never by the end of its
 *     loop (loop-end.c) and never by node's teardown. libuv starts a new pool by itself (its own pthread_atfork).
 *  3. A lock held by another thread at the fork would be held for ever in the child. So the server counts its threads
 *     (one that a module started is one too many: no service) and forks only while each other thread sleeps; since no
 *     JavaScript runs, one that sleeps for want of work has no reason to wake. malloc's locks and stdio's are glibc's
 *     business, which is why it is fork() and not clone().
 *  4. Requests are read by a blocking loop in the main thread, from an immediate: no request of node's is in flight, and
 *     libuv is not inside its poll. The child returns from the same call into JavaScript, after uv_loop_fork().
 *     One child is forked ahead, and has its first moments behind it when it is asked for (fork-spare.h).
 *  5. The tracing agent's private loop, the delayed scheduler's and V8's are shared with the server; nobody in the child
 *     turns them, and _exit does not tear them down.
 *
 * Who may die: a killed server leaves its children running; they watch the parent itself, not the server. A killed
 * parent closes `calls`: the server then kills its children, stopped ones too, and ends. SIGCONT at the parent's
 * death wakes a stopped server. */
#pragma once
#include <node_api.h>

void mp_fork_server_exports(napi_env env, napi_value exports);
