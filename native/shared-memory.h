/* Files of memory as ArrayBuffers. Which file, and who may open it, is decided in TypeScript. */
#pragma once
#include <node_api.h>

void mp_shared_memory_exports(napi_env env, napi_value exports);
