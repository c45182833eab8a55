#include "doorbell-exports.h"
#include "doorbell.h"
#include "env.h"
#include "napi-helpers.h"
#include <errno.h>

/* doorbellOpen(callback, readFd, writeFd) -> { member, readFd, writeFd, alive } | failure */
static napi_value doorbell_open(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  mp_args(env, info, 3, argv);
  mp_env_t *state = mp_env(env);
  if (state->member_count == MP_MAX_MEMBERS) return mp_failure(env, EMFILE, "doorbell");
  mp_member_t *member = &state->members[state->member_count];
  const char *syscall_name;
  int error = mp_doorbell_open(env, argv[0], mp_i32(env, argv[1], -1), mp_i32(env, argv[2], -1), &member->doorbell, &syscall_name);
  if (error != 0) return mp_failure(env, error, syscall_name);
  member->slot = -1;
  napi_value object;
  napi_create_object(env, &object);
  mp_set(env, object, "member", mp_int(env, state->member_count++));
  mp_set(env, object, "readFd", mp_int(env, mp_doorbell_read_fd(member->doorbell)));
  mp_set(env, object, "writeFd", mp_int(env, mp_doorbell_write_fd(member->doorbell)));
  mp_set(env, object, "alive", mp_doorbell_alive_words(member->doorbell));
  return object;
}

static void nothing(void *context) {}

/* doorbellClose(member): only the last one that was opened; its number is free then. It must have no slot. */
static napi_value doorbell_close(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  mp_env_t *state = mp_env(env);
  mp_member_t *member = mp_member(env, argv[0]);
  if (member != NULL && member == &state->members[state->member_count - 1]) {
    state->member_count--;
    mp_doorbell_close(member->doorbell, nothing, NULL);
  }
  return mp_undefined(env);
}

/* doorbellKeepAlive(member): see mp_doorbell_alive_words for its end */
static napi_value doorbell_keep_alive(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  mp_member_t *member = mp_member(env, argv[0]);
  if (member != NULL) mp_doorbell_keep_alive(member->doorbell);
  return mp_undefined(env);
}

static napi_value ring_fd(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  return mp_int(env, mp_ring_fd(mp_i32(env, argv[0], -1)));
}

/* doorbellOfSlot(slot) -> fd, or -errno */
static napi_value doorbell_of_slot(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  int fd = mp_doorbell_of_slot(mp_i32(env, argv[0], -1));
  if (fd < 0) return mp_int(env, -errno);
  return mp_int(env, mp_keep_fd(env, fd));
}

/* keepBell(fd) -> errno: closed when this environment ends, unless closeFd comes first. */
static napi_value keep_bell_fd(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  return mp_int(env, mp_keep_bell(mp_env(env), mp_i32(env, argv[0], -1)) ? 0 : ENOMEM);
}

/* forgetBell(fd): undoes keepBell. */
static napi_value forget_bell(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  mp_forget_bell(mp_env(env), mp_i32(env, argv[0], -1));
  return mp_undefined(env);
}

/* ownSlot(member, slot, claimed): given up when this environment ends, before its doorbell is closed. */
static napi_value own_slot(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  mp_args(env, info, 3, argv);
  mp_member_t *member = mp_member(env, argv[0]);
  if (member == NULL) return mp_undefined(env);
  member->slot = mp_i32(env, argv[1], -1);
  member->claimed = mp_bool(env, argv[2]);
  mp_doorbell_of_thread(member->doorbell, member->slot);
  return mp_undefined(env);
}

static napi_value ring_family(napi_env env, napi_callback_info info) {
  mp_ring_family();
  return mp_undefined(env);
}

void mp_doorbell_exports(napi_env env, napi_value exports) {
  mp_export(env, exports, "doorbellOpen", doorbell_open);
  mp_export(env, exports, "doorbellClose", doorbell_close);
  mp_export(env, exports, "doorbellKeepAlive", doorbell_keep_alive);
  mp_export(env, exports, "ringFd", ring_fd);
  mp_export(env, exports, "doorbellOfSlot", doorbell_of_slot);
  mp_export(env, exports, "keepBell", keep_bell_fd);
  mp_export(env, exports, "forgetBell", forget_bell);
  mp_export(env, exports, "ringFamily", ring_family);
  mp_export(env, exports, "ownSlot", own_slot);
}
