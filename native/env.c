#include "env.h"
#include "children.h"
#include "doorbell.h"
#include "fork-client.h"
#include "guardian.h"
#include "napi-helpers.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

mp_env_t *mp_env(napi_env env) {
  void *data = NULL;
  napi_get_instance_data(env, &data);
  return data;
}

mp_member_t *mp_member(napi_env env, napi_value number) {
  mp_env_t *state = mp_env(env);
  int32_t at = mp_i32(env, number, -1);
  return at >= 0 && at < state->member_count ? &state->members[at] : NULL;
}

bool mp_keep_bell(mp_env_t *state, int fd) {
  int *bells = realloc(state->bells, sizeof(int) * (size_t)(state->bell_count + 1));
  if (bells == NULL) return false;
  bells[state->bell_count++] = fd;
  state->bells = bells;
  return true;
}

int mp_keep_fd(napi_env env, int fd) {
  if (mp_keep_bell(mp_env(env), fd)) return fd;
  close(fd);
  return -ENOMEM;
}

void mp_forget_bell(mp_env_t *state, int fd) {
  for (int i = 0; i < state->bell_count; i++) {
    if (state->bells[i] != fd) continue;
    state->bells[i] = state->bells[--state->bell_count];
    return;
  }
}

/* ---- its end ---- */

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
  mp_fork_clients_end(state);
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

mp_env_t *mp_env_start(napi_env env) {
  mp_env_t *state = calloc(1, sizeof(*state));
  if (state == NULL) return NULL;
  napi_set_instance_data(env, state, NULL, NULL);
  napi_add_async_cleanup_hook(env, clean_up, state, &state->cleanup);
  return state;
}
