/* What TypeScript calls of the arena, and of the futex words in it. */
#pragma once
#include <node_api.h>

void mp_arena_exports(napi_env env, napi_value exports);
