/* The addon's exports: mechanism only. Policy, options and messages are TypeScript's (src/native/addon-types.ts). */
#include "arena.h"
#include "certificates.h"
#include "doorbell.h"
#include "env.h"
#include "fault.h"
#include "fork-client.h"
#include "fork-platform.h"
#include "fork-server.h"
#include "futex.h"
#include "guardian.h"
#include "keeper.h"
#include "layout.h"
#include "loop-end.h"
#include "napi-helpers.h"
#include "process.h"
#include "shared-memory.h"
#include "socket.h"
#include "supervisor.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

mp_env_t *mp_env(napi_env env) {
  void *data = NULL;
  napi_get_instance_data(env, &data);
  return data;
}

/* ---- arena ---- */

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

/* ---- futex ---- */

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

/* ---- guardians and locks ---- */

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

/* ---- doorbell ---- */

/* doorbellOpen(callback, readFd, writeFd) -> { member, readFd, writeFd } | failure */
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
  return object;
}

mp_member_t *mp_member(napi_env env, napi_value number) {
  mp_env_t *state = mp_env(env);
  int32_t at = mp_i32(env, number, -1);
  return at >= 0 && at < state->member_count ? &state->members[at] : NULL;
}

/* doorbellKeepAlive(member, alive) */
static napi_value doorbell_keep_alive(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  mp_args(env, info, 2, argv);
  mp_member_t *member = mp_member(env, argv[0]);
  if (member != NULL) mp_doorbell_keep_alive(member->doorbell, mp_bool(env, argv[1]));
  return mp_undefined(env);
}

static napi_value ring_fd(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  return mp_int(env, mp_ring_fd(mp_i32(env, argv[0], -1)));
}

static bool keep_bell(mp_env_t *state, int fd) {
  int *bells = realloc(state->bells, sizeof(int) * (size_t)(state->bell_count + 1));
  if (bells == NULL) return false;
  bells[state->bell_count++] = fd;
  state->bells = bells;
  return true;
}

int mp_keep_fd(napi_env env, int fd) {
  if (keep_bell(mp_env(env), fd)) return fd;
  close(fd);
  return -ENOMEM;
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
  return mp_int(env, keep_bell(mp_env(env), mp_i32(env, argv[0], -1)) ? 0 : ENOMEM);
}

void mp_forget_bell(mp_env_t *state, int fd) {
  for (int i = 0; i < state->bell_count; i++) {
    if (state->bells[i] != fd) continue;
    state->bells[i] = state->bells[--state->bell_count];
    return;
  }
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
  return mp_undefined(env);
}

static napi_value ring_family(napi_env env, napi_callback_info info) {
  mp_ring_family();
  return mp_undefined(env);
}

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

/* ---- one environment's life ---- */

static void after_handle(void *data) {
  mp_env_t *state = data;
  if (state->open_handles-- > 1) return;
  napi_async_cleanup_hook_handle cleanup = state->cleanup;
  free(state);
  napi_remove_async_cleanup_hook(cleanup);
}

static void clean_up(napi_async_cleanup_hook_handle handle, void *data) {
  mp_env_t *state = data;
  for (int i = 0; i < state->member_count; i++) {
    mp_disown(&state->members[i]);
    mp_give_up_slot(state->members[i].slot, state->members[i].claimed);
  }
  for (int i = 0; i < state->guardian_count; i++) mp_guardian_stop(state->guardians[i]);
  for (int i = 0; i < state->bell_count; i++) close(state->bells[i]);
  free(state->bells);
  state->bells = NULL;
  state->bell_count = 0;
  int members = state->member_count, pollers = state->poller_count;
  state->open_handles = members + pollers;
  if (state->open_handles == 0) after_handle(state);
  for (int i = 0; i < members; i++) mp_doorbell_close(state->members[i].doorbell, after_handle, state);
  for (int i = 0; i < pollers; i++) mp_poller_close(state->pollers[i], after_handle, state);
}

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
  mp_env_t *state = calloc(1, sizeof(*state));
  if (state == NULL) return NULL;
  napi_set_instance_data(env, state, NULL, NULL);
  napi_add_async_cleanup_hook(env, clean_up, state, &state->cleanup);
  mp_export(env, exports, "arenaCreate", arena_create);
  mp_export(env, exports, "arenaAttach", arena_attach);
  mp_export(env, exports, "arenaInfo", arena_info);
  mp_export(env, exports, "arenaReserve", arena_reserve);
  mp_export(env, exports, "arenaDiscard", arena_discard);
  mp_export(env, exports, "arenaView", arena_view);
  mp_export(env, exports, "futexWait", futex_wait);
  mp_export(env, exports, "futexWake", futex_wake);
  mp_export(env, exports, "spinWhile", spin_while);
  mp_export(env, exports, "guardianStart", guardian_start);
  mp_export(env, exports, "guardianAdd", guardian_add);
  mp_export(env, exports, "guardianRemove", guardian_remove);
  mp_export(env, exports, "lockAcquire", lock_acquire);
  mp_export(env, exports, "lockRelease", lock_release);
  mp_export(env, exports, "doorbellOpen", doorbell_open);
  mp_export(env, exports, "doorbellKeepAlive", doorbell_keep_alive);
  mp_export(env, exports, "ringFd", ring_fd);
  mp_export(env, exports, "doorbellOfSlot", doorbell_of_slot);
  mp_export(env, exports, "keepBell", keep_bell_fd);
  mp_export(env, exports, "forgetBell", forget_bell);
  mp_export(env, exports, "ringFamily", ring_family);
  mp_export(env, exports, "ownSlot", own_slot);
#ifdef MULTIPROC_FAULTS
  mp_export(env, exports, "fault", fault);
#endif
  mp_process_exports(env, exports);
  mp_certificates_exports(env, exports);
  mp_fork_server_exports(env, exports);
  mp_fork_client_exports(env, exports);
  mp_fork_platform_exports(env, exports);
  mp_keeper_exports(env, exports);
  mp_loop_end_exports(env, exports);
  mp_shared_memory_exports(env, exports);
  mp_socket_exports(env, exports);
  export_layout(env, exports);
  return exports;
}
