/* Stream sockets as numbers: made, read, written and waited for. Never blocks, but for `socketWait`. */
#pragma once
#include <node_api.h>

void mp_socket_exports(napi_env env, napi_value exports);
