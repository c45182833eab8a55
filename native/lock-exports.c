#include "lock-exports.h"
#include "arena.h"
#include "env.h"
#include "guardian.h"
#include "napi-helpers.h"
#include <errno.h>

/* guardianStart() -> { index, tid } | failure */
static napi_value guardian_start(napi_env env, napi_callback_info info) {
  mp_env_t *state = mp_env(env);
  if (mp_arena() == NULL) return mp_failure(env, EINVAL, "guardian");
  if (state->guardian_count == MP_MAX_GUARDIANS) return mp_failure(env, ENOSPC, "guardian");
  mp_guardian_t *guardian = mp_guardian_start();
  if (guardian == NULL) return mp_failure(env, errno, "pthread_create");
  int index = state->guardian_count++;
  state->guardians[index] = guardian;
  napi_value object;
  napi_create_object(env, &object);
  mp_set(env, object, "index", mp_int(env, index));
  mp_set(env, object, "tid", mp_int(env, (int32_t)mp_guardian_tid(guardian)));
  return object;
}

static mp_guardian_t *guardian_at(napi_env env, napi_value index) {
  mp_env_t *state = mp_env(env);
  int32_t at = mp_i32(env, index, -1);
  return at >= 0 && at < state->guardian_count ? state->guardians[at] : NULL;
}

/* guardianAdd(guardian, offset) -> errno */
static napi_value guardian_add(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  mp_args(env, info, 2, argv);
  mp_guardian_t *guardian = guardian_at(env, argv[0]);
  uint32_t *word = mp_arena_word(mp_f64(env, argv[1], -1));
  return mp_int(env, guardian == NULL || word == NULL ? EINVAL : mp_guardian_add(guardian, word));
}

static napi_value guardian_remove(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  mp_args(env, info, 2, argv);
  mp_guardian_t *guardian = guardian_at(env, argv[0]);
  uint32_t *word = mp_arena_word(mp_f64(env, argv[1], -1));
  if (guardian == NULL || word == NULL) return mp_int(env, EINVAL);
  mp_guardian_remove(guardian, word);
  return mp_int(env, 0);
}

/* lockAcquire(guardian, offset, timeoutMs, recover, newcomer) -> mp_lock_result_t, -1 for a bad argument */
static napi_value lock_acquire(napi_env env, napi_callback_info info) {
  napi_value argv[5];
  mp_args(env, info, 5, argv);
  mp_guardian_t *guardian = guardian_at(env, argv[0]);
  uint32_t *word = mp_arena_word(mp_f64(env, argv[1], -1));
  if (guardian == NULL || word == NULL) return mp_int(env, -1);
  return mp_int(env, mp_lock_acquire(guardian, word, mp_f64(env, argv[2], -1), mp_bool(env, argv[3]), mp_bool(env, argv[4])));
}

/* lockRelease(guardian, offset) -> errno */
static napi_value lock_release(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  mp_args(env, info, 2, argv);
  mp_guardian_t *guardian = guardian_at(env, argv[0]);
  uint32_t *word = mp_arena_word(mp_f64(env, argv[1], -1));
  return mp_int(env, guardian == NULL || word == NULL ? EINVAL : mp_lock_release(guardian, word));
}

void mp_lock_exports(napi_env env, napi_value exports) {
  mp_export(env, exports, "guardianStart", guardian_start);
  mp_export(env, exports, "guardianAdd", guardian_add);
  mp_export(env, exports, "guardianRemove", guardian_remove);
  mp_export(env, exports, "lockAcquire", lock_acquire);
  mp_export(env, exports, "lockRelease", lock_release);
}
