/* Tells JavaScript that the event loop has nothing left to wait for, without letting the loop end: node, whose loop
 * has ended, waits for its V8 worker, which a forked child does not have. */
#pragma once
#include <node_api.h>

void mp_loop_end_exports(napi_env env, napi_value exports);
