/* What the C library does with memory that is freed. */
#pragma once
#include <node_api.h>

void mp_heap_exports(napi_env env, napi_value exports);
