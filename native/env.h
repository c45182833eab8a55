/* State of one JavaScript thread (a Node-API environment): its members and its guardians. */
#pragma once
#include "doorbell.h"
#include "guardian.h"
#include <node_api.h>

#define MP_MAX_GUARDIANS 256
#define MP_MAX_MEMBERS 16

/* One copy of the library in this thread. There may be several: two versions, or a test runner that loads modules
 * anew for each file. Each is a participant of its own, with its own children. */
typedef struct {
  mp_doorbell_t *doorbell;
  int slot; /* participant slot to free when the environment ends, or -1 */
} mp_member_t;

typedef struct {
  mp_member_t members[MP_MAX_MEMBERS];
  int member_count;
  int open_doorbells; /* while the environment ends */
  mp_guardian_t *guardians[MP_MAX_GUARDIANS];
  int guardian_count;
  napi_async_cleanup_hook_handle cleanup;
} mp_env_t;

mp_env_t *mp_env(napi_env env);
/* The member with this number, or NULL. */
mp_member_t *mp_member(napi_env env, napi_value number);
