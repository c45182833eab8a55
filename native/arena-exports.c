#include "arena-exports.h"
#include "arena.h"
#include "futex.h"
#include "napi-helpers.h"
#include <errno.h>

static napi_value arena_create(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  const char *syscall_name;
  mp_args(env, info, 1, argv);
  int error = mp_arena_create((size_t)mp_f64(env, argv[0], 0), &syscall_name);
  return error != 0 ? mp_failure(env, error, syscall_name) : mp_int(env, mp_arena()->fd);
}

static napi_value arena_attach(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  const char *syscall_name;
  mp_args(env, info, 1, argv);
  int error = mp_arena_attach(mp_i32(env, argv[0], -1), &syscall_name);
  return error != 0 ? mp_failure(env, error, syscall_name) : mp_int(env, mp_arena()->fd);
}

/* arenaInfo() -> { fd, size } | undefined */
static napi_value arena_info(napi_env env, napi_callback_info info) {
  if (mp_arena() == NULL) return mp_undefined(env);
  napi_value object;
  napi_create_object(env, &object);
  mp_set(env, object, "fd", mp_int(env, mp_arena()->fd));
  mp_set(env, object, "size", mp_number(env, (double)mp_arena()->size));
  return object;
}

static napi_value change_arena(napi_env env, napi_callback_info info, int (*change)(size_t, size_t)) {
  napi_value argv[2];
  mp_args(env, info, 2, argv);
  double offset = mp_f64(env, argv[0], -1), length = mp_f64(env, argv[1], -1);
  if (mp_arena() == NULL || !(offset >= 0) || !(length > 0)) return mp_int(env, EINVAL);
  return mp_int(env, change((size_t)offset, (size_t)length));
}

static napi_value arena_reserve(napi_env env, napi_callback_info info) { return change_arena(env, info, mp_arena_reserve); }
static napi_value arena_discard(napi_env env, napi_callback_info info) { return change_arena(env, info, mp_arena_discard); }

/* arenaView(offset, length) -> ArrayBuffer over the shared bytes; never unmapped. */
static napi_value arena_view(napi_env env, napi_callback_info info) {
  napi_value argv[2], buffer;
  mp_args(env, info, 2, argv);
  double offset = mp_f64(env, argv[0], -1), length = mp_f64(env, argv[1], -1);
  if (mp_arena() == NULL || !(offset >= 0) || !(length > 0) || offset + length > (double)mp_arena()->size)
    return mp_failure(env, EINVAL, "arenaView");
  if (napi_create_external_arraybuffer(env, mp_arena()->base + (size_t)offset, (size_t)length, NULL, NULL, &buffer) != napi_ok)
    return mp_failure(env, ENOMEM, "arenaView");
  return buffer;
}

/* ---- words that threads wait for ---- */

static napi_value futex_wait(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  mp_args(env, info, 3, argv);
  uint32_t *word = mp_arena_word(mp_f64(env, argv[0], -1));
  if (word == NULL) return mp_int(env, MP_FUTEX_ERROR);
  return mp_int(env, mp_futex_wait(word, (uint32_t)mp_i32(env, argv[1], 0), mp_f64(env, argv[2], -1)));
}

static napi_value futex_wake(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  mp_args(env, info, 2, argv);
  uint32_t *word = mp_arena_word(mp_f64(env, argv[0], -1));
  return mp_int(env, word == NULL ? 0 : mp_futex_wake(word, mp_i32(env, argv[1], 1)));
}

/* spinWhile(offset, expected, limitUs) -> 1 if the word changed, else 0 */
static napi_value spin_while(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  mp_args(env, info, 3, argv);
  uint32_t *word = mp_arena_word(mp_f64(env, argv[0], -1));
  bool changed = word != NULL && mp_spin_while(word, (uint32_t)mp_i32(env, argv[1], 0), mp_f64(env, argv[2], 0));
  return mp_int(env, changed ? 1 : 0);
}

/* spinLearn(words, waitedUs) */
static napi_value spin_learn(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  mp_args(env, info, 2, argv);
  void *words;
  size_t count;
  if (napi_get_typedarray_info(env, argv[0], NULL, &count, &words, NULL, NULL) == napi_ok && count >= MP_SPIN_WORDS)
    mp_spin_learn(words, mp_f64(env, argv[1], 0));
  return mp_undefined(env);
}

void mp_arena_exports(napi_env env, napi_value exports) {
  mp_export(env, exports, "arenaCreate", arena_create);
  mp_export(env, exports, "arenaAttach", arena_attach);
  mp_export(env, exports, "arenaInfo", arena_info);
  mp_export(env, exports, "arenaReserve", arena_reserve);
  mp_export(env, exports, "arenaDiscard", arena_discard);
  mp_export(env, exports, "arenaView", arena_view);
  mp_export(env, exports, "futexWait", futex_wait);
  mp_export(env, exports, "futexWake", futex_wake);
  mp_export(env, exports, "spinWhile", spin_while);
  mp_export(env, exports, "spinLearn", spin_learn);
}
