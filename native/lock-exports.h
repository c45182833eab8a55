/* What TypeScript calls of the guardians of its threads, and of the locks that they hold. */
#pragma once
#include <node_api.h>

void mp_lock_exports(napi_env env, napi_value exports);
