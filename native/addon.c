/* The addon's exports: mechanism only. Policy, options and messages are TypeScript's (src/native/addon-types.ts). */
#include "arena-exports.h"
#include "certificates.h"
#include "doorbell-exports.h"
#include "env.h"
#include "fault.h"
#include "fork-client.h"
#include "fork-platform.h"
#include "fork-server.h"
#include "heap.h"
#include "keeper.h"
#include "layout.h"
#include "lock-exports.h"
#include "loop-end.h"
#include "napi-helpers.h"
#include "poller-exports.h"
#include "process.h"
#include "shared-memory.h"
#include "socket.h"
#include <stdlib.h>

#ifdef MULTIPROC_FAULTS
/* fault(point) -> errno to pretend, or 0 */
static napi_value fault(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  char *point = mp_string(env, argv[0]);
  int error = point == NULL ? 0 : mp_fault(point);
  free(point);
  return mp_int(env, error);
}
#endif

static void export_layout(napi_env env, napi_value exports) {
  napi_value layout;
  napi_create_object(env, &layout);
#define EXPORT(name) mp_set(env, layout, #name, mp_number(env, (double)(MP_##name)))
  EXPORT(LOCK_WAITERS);
  EXPORT(LOCK_OWNER_DIED);
  EXPORT(LOCK_OWNER_MASK);
  EXPORT(LOCK_CROWD);
  EXPORT(LOCK_TURN);
  EXPORT(LOCK_LOOP_TURN);
  EXPORT(PARTICIPANTS_OFFSET);
  EXPORT(PARTICIPANT_BYTES);
  EXPORT(PARTICIPANT_COUNT);
  EXPORT(SLOT_STATE);
  EXPORT(SLOT_PID);
  EXPORT(SLOT_START_LOW);
  EXPORT(SLOT_START_HIGH);
  EXPORT(SLOT_DOORBELL);
  EXPORT(SLOT_ARMED);
  EXPORT(STATE_MASK);
  EXPORT(STATE_FREE);
  EXPORT(STATE_CLAIMED);
  EXPORT(STATE_LIVE);
  EXPORT(HEADER_SLOTS_USED);
  EXPORT(HEADER_FOUNDER_PID);
  EXPORT(HEADER_FOUNDER_START_LOW);
  EXPORT(HEADER_FOUNDER_START_HIGH);
  EXPORT(HEADER_SUPERVISOR);
  EXPORT(HEADER_KEEPER);
  EXPORT(HEADER_KEPT);
  EXPORT(GUARDIAN_CAPACITY);
#undef EXPORT
  mp_set(env, exports, "layout", layout);
}

NAPI_MODULE_INIT() {
  if (mp_env_start(env) == NULL) return NULL;
  mp_arena_exports(env, exports);
  mp_lock_exports(env, exports);
  mp_doorbell_exports(env, exports);
#ifdef MULTIPROC_FAULTS
  mp_export(env, exports, "fault", fault);
#endif
  mp_process_exports(env, exports);
  mp_certificates_exports(env, exports);
  mp_heap_exports(env, exports);
  mp_fork_server_exports(env, exports);
  mp_fork_client_exports(env, exports);
  mp_fork_platform_exports(env, exports);
  mp_keeper_exports(env, exports);
  mp_loop_end_exports(env, exports);
  mp_shared_memory_exports(env, exports);
  mp_socket_exports(env, exports);
  mp_poller_exports(env, exports);
  export_layout(env, exports);
  return exports;
}
