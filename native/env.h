/* State of one JavaScript thread (a Node-API environment): its doorbell and its guardians. */
#pragma once
#include "doorbell.h"
#include "guardian.h"
#include <node_api.h>

#define MP_MAX_GUARDIANS 256

typedef struct {
  mp_doorbell_t *doorbell;
  mp_guardian_t *guardians[MP_MAX_GUARDIANS];
  int guardian_count;
  int slot; /* participant slot to free when the environment ends, or -1 */
  napi_async_cleanup_hook_handle cleanup;
} mp_env_t;

mp_env_t *mp_env(napi_env env);
