#include "poller-exports.h"
#include "env.h"
#include "napi-helpers.h"
#include "poller.h"
#include <errno.h>

static mp_poller_t *poller_at(napi_env env, napi_value number) {
  mp_env_t *state = mp_env(env);
  int32_t at = mp_i32(env, number, -1);
  return at >= 0 && at < state->poller_count ? state->pollers[at] : NULL;
}

/* pollerOpen(callback, ids) -> number | failure; ids: an Int32Array that the caller keeps, filled before each call. */
static napi_value poller_open(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  napi_typedarray_type type;
  size_t size;
  void *ids;
  mp_args(env, info, 2, argv);
  mp_env_t *state = mp_env(env);
  if (state->poller_count == MP_MAX_MEMBERS) return mp_failure(env, ENOSPC, "pollerOpen");
  if (napi_get_typedarray_info(env, argv[1], &type, &size, &ids, NULL, NULL) != napi_ok || type != napi_int32_array || size < MP_POLLER_EVENTS)
    return mp_failure(env, EINVAL, "pollerOpen");
  const char *syscall_name;
  int error = mp_poller_open(env, argv[0], ids, &state->pollers[state->poller_count], &syscall_name);
  return error != 0 ? mp_failure(env, error, syscall_name) : mp_int(env, state->poller_count++);
}

/* pollerAdd(poller, fd, id) -> errno */
static napi_value poller_add(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  mp_args(env, info, 3, argv);
  mp_poller_t *poller = poller_at(env, argv[0]);
  return mp_int(env, poller == NULL ? EINVAL : mp_poller_add(poller, mp_i32(env, argv[1], -1), mp_i32(env, argv[2], 0)));
}

/* pollerChange(poller, fd, id, writable) -> errno */
static napi_value poller_change(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  mp_args(env, info, 4, argv);
  mp_poller_t *poller = poller_at(env, argv[0]);
  if (poller == NULL) return mp_int(env, EINVAL);
  return mp_int(env, mp_poller_change(poller, mp_i32(env, argv[1], -1), mp_i32(env, argv[2], 0), mp_bool(env, argv[3])));
}

/* pollerRemove(poller, fd) -> errno */
static napi_value poller_remove(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  mp_args(env, info, 2, argv);
  mp_poller_t *poller = poller_at(env, argv[0]);
  return mp_int(env, poller == NULL ? EINVAL : mp_poller_remove(poller, mp_i32(env, argv[1], -1)));
}

/* pollerKeepAlive(poller, alive) */
static napi_value poller_keep_alive(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  mp_args(env, info, 2, argv);
  mp_poller_t *poller = poller_at(env, argv[0]);
  if (poller != NULL) mp_poller_keep_alive(poller, mp_bool(env, argv[1]));
  return mp_undefined(env);
}

void mp_poller_exports(napi_env env, napi_value exports) {
  mp_export(env, exports, "pollerOpen", poller_open);
  mp_export(env, exports, "pollerAdd", poller_add);
  mp_export(env, exports, "pollerChange", poller_change);
  mp_export(env, exports, "pollerRemove", poller_remove);
  mp_export(env, exports, "pollerKeepAlive", poller_keep_alive);
}
