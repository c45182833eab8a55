/* What the addon exports of processes; the mechanism is in supervisor.c. */
#pragma once
#include <node_api.h>

void mp_process_exports(napi_env env, napi_value exports);
