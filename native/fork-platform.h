/* What V8 asks of node's platform, in a process whose platform threads a fork has left behind.
 *
 * V8 hands work to the platform's threads through four virtual functions. In a forked child nobody does that work: the
 * jobs that V8 waits for it does itself while it waits, others are optional. But node counts what was handed over, and a
 * worker_threads Worker that ends waits until the count is zero: for ever (seen on 20, 22 and 26 after a collection of
 * garbage). So V8 is told that there are no threads, which is what it is told by platforms of a single thread, and what it
 * hands over all the same is dropped at once.
 *
 * Done by putting own functions into the platform's table of virtual functions, whose symbols node exports; where one is
 * missing nothing is changed. Runs in fork servers, just before they serve: no JavaScript runs in them afterwards. */
#pragma once
#include <node_api.h>

void mp_fork_platform_exports(napi_env env, napi_value exports);
