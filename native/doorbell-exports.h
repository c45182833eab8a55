/* What TypeScript calls of doorbells: its own, those of others, and who they belong to. */
#pragma once
#include <node_api.h>

void mp_doorbell_exports(napi_env env, napi_value exports);
