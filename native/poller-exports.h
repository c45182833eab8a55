/* What TypeScript calls of pollers: which sockets they look after, and whether they keep the event loop alive. */
#pragma once
#include <node_api.h>

void mp_poller_exports(napi_env env, napi_value exports);
