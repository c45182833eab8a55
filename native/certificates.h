/* NODE_EXTRA_CA_CERTS when it is needed: see src/process/late-certificates.ts. */
#pragma once
#include <node_api.h>

void mp_certificates_exports(napi_env env, napi_value exports);
