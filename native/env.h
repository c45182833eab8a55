/* State of one JavaScript thread (a Node-API environment): its members and its guardians. */
#pragma once
#include "doorbell.h"
#include "guardian.h"
#include "poller.h"
#include <node_api.h>

#define MP_MAX_GUARDIANS 256
#define MP_MAX_MEMBERS 16

/* One copy of the library in this thread. There may be several: two versions, or a test runner that loads modules
 * anew for each file. Each is a participant of its own, with its own children. */
typedef struct {
  mp_doorbell_t *doorbell;
  int slot;     /* participant slot to give up when the environment ends, or -1 */
  bool claimed; /* by another thread of this process, which frees it when it has cleaned up */
} mp_member_t;

typedef struct {
  mp_member_t members[MP_MAX_MEMBERS];
  int member_count;
  mp_poller_t *pollers[MP_MAX_MEMBERS];
  int poller_count;
  int open_handles; /* doorbells and pollers, while the environment ends */
  mp_guardian_t *guardians[MP_MAX_GUARDIANS];
  int guardian_count;
  int *bells; /* descriptors of other doorbells and of sockets: they belong to this thread, not to the process */
  int bell_count;
  napi_async_cleanup_hook_handle cleanup;
} mp_env_t;

/* The state of a new environment, which it cleans up at its end; NULL: there is no memory. */
mp_env_t *mp_env_start(napi_env env);
mp_env_t *mp_env(napi_env env);
/* Has a descriptor closed when the environment ends, unless it is forgotten before; false: there is no memory. */
bool mp_keep_bell(mp_env_t *env, int fd);
/* The same for a new one: before JavaScript has it, since a thread may be ended between any two steps. The descriptor, or
 * -errno; it is closed then. */
int mp_keep_fd(napi_env env, int fd);
/* Forgets a descriptor that is being closed. */
void mp_forget_bell(mp_env_t *env, int fd);
/* The member with this number, or NULL. */
mp_member_t *mp_member(napi_env env, napi_value number);
