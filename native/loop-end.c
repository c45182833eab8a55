#include "loop-end.h"
#include "napi-helpers.h"
#include <stdbool.h>
#include <stdlib.h>
#include <uv.h>

typedef struct {
  uv_prepare_t before_waiting; /* keeps the loop alive by itself */
  uv_idle_t once_more;         /* while it is active the loop looks, and does not wait */
  napi_env env;
  napi_ref callback;
  napi_async_context context;
} loop_end_t;

static bool others_alive(uv_prepare_t *handle) {
  uv_unref((uv_handle_t *)handle);
  int alive = uv_loop_alive(handle->loop);
  uv_ref((uv_handle_t *)handle);
  return alive != 0;
}

static void call(loop_end_t *watch, bool final) {
  napi_env env = watch->env;
  napi_handle_scope scope;
  napi_value callback, receiver, argument, result;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_get_global(env, &receiver);
  napi_get_boolean(env, final, &argument);
  if (napi_get_reference_value(env, watch->callback, &callback) == napi_ok &&
      napi_make_callback(env, watch->context, receiver, callback, 1, &argument, &result) == napi_pending_exception) {
    napi_value error;
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

static void nothing(uv_idle_t *handle) {}

/* V8's own tasks do not keep a loop alive, but node does them before it gives up: one turn is for them. */
static bool first_look(loop_end_t *watch) {
  if (uv_is_active((uv_handle_t *)&watch->once_more)) {
    uv_idle_stop(&watch->once_more);
    return false;
  }
  uv_idle_start(&watch->once_more, nothing);
  return true;
}

/* The first call may begin something. */
static void look(uv_prepare_t *handle) {
  loop_end_t *watch = handle->data;
  if (others_alive(handle)) {
    uv_idle_stop(&watch->once_more);
    return;
  }
  if (first_look(watch)) return;
  call(watch, false);
  if (!others_alive(handle)) call(watch, true);
}

/* watchLoopEnd(callback(final)): for the rest of the process's life. */
static napi_value watch_loop_end(napi_env env, napi_callback_info info) {
  napi_value argv[1], name;
  uv_loop_t *loop;
  mp_args(env, info, 1, argv);
  loop_end_t *watch = calloc(1, sizeof(*watch));
  if (watch == NULL || napi_get_uv_event_loop(env, &loop) != napi_ok) {
    free(watch);
    return mp_undefined(env);
  }
  watch->env = env;
  watch->before_waiting.data = watch;
  napi_create_string_utf8(env, "multiproc:loop-end", NAPI_AUTO_LENGTH, &name);
  napi_create_reference(env, argv[0], 1, &watch->callback);
  napi_async_init(env, NULL, name, &watch->context);
  uv_prepare_init(loop, &watch->before_waiting);
  uv_idle_init(loop, &watch->once_more);
  uv_unref((uv_handle_t *)&watch->once_more);
  uv_prepare_start(&watch->before_waiting, look);
  return mp_undefined(env);
}

void mp_loop_end_exports(napi_env env, napi_value exports) { mp_export(env, exports, "watchLoopEnd", watch_loop_end); }
