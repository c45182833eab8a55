#include "doorbell.h"
#include "arena.h"
#include "layout.h"
#include "napi-helpers.h"
#include "process-stat.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

struct mp_doorbell {
  uv_poll_t poll;
  napi_env env;
  napi_ref callback;
  napi_async_context context;
  int read_fd;
  int write_fd;
  void (*done)(void *);
  void *done_context;
};

static void empty_pipe(int fd) {
  char bytes[512];
  while (read(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes)) {
  }
}

static void on_ring(uv_poll_t *poll, int status, int events) {
  mp_doorbell_t *doorbell = poll->data;
  napi_env env = doorbell->env;
  empty_pipe(doorbell->read_fd);
  napi_handle_scope scope;
  napi_value callback, receiver, result;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_get_global(env, &receiver);
  if (napi_get_reference_value(env, doorbell->callback, &callback) == napi_ok && callback != NULL &&
      napi_make_callback(env, doorbell->context, receiver, callback, 0, NULL, &result) == napi_pending_exception) {
    napi_value error;
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

static int prepare_pipe(int *read_fd, int *write_fd) {
  if (*read_fd < 0) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return errno;
    *read_fd = ends[0];
    *write_fd = ends[1];
    return 0;
  }
  for (int i = 0; i < 2; i++) {
    int fd = i == 0 ? *read_fd : *write_fd;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) return errno;
  }
  return 0;
}

int mp_doorbell_open(napi_env env, napi_value callback, int read_fd, int write_fd, mp_doorbell_t **opened, const char **syscall_name) {
  uv_loop_t *loop;
  *syscall_name = "pipe2";
  int error = prepare_pipe(&read_fd, &write_fd);
  if (error != 0) return error;
  mp_doorbell_t *doorbell = calloc(1, sizeof(*doorbell));
  if (doorbell == NULL) return ENOMEM;
  doorbell->env = env;
  doorbell->read_fd = read_fd;
  doorbell->write_fd = write_fd;
  doorbell->poll.data = doorbell;
  napi_value name;
  napi_create_string_utf8(env, "multiproc:doorbell", NAPI_AUTO_LENGTH, &name);
  napi_create_reference(env, callback, 1, &doorbell->callback);
  napi_async_init(env, NULL, name, &doorbell->context);
  *syscall_name = "uv_poll";
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return EINVAL;
  error = uv_poll_init(loop, &doorbell->poll, read_fd);
  if (error == 0) error = uv_poll_start(&doorbell->poll, UV_READABLE, on_ring);
  if (error != 0) return -error;
  uv_unref((uv_handle_t *)&doorbell->poll);
  *opened = doorbell;
  return 0;
}

int mp_doorbell_read_fd(const mp_doorbell_t *doorbell) { return doorbell->read_fd; }
int mp_doorbell_write_fd(const mp_doorbell_t *doorbell) { return doorbell->write_fd; }

void mp_doorbell_keep_alive(mp_doorbell_t *doorbell, bool alive) {
  if (alive) uv_ref((uv_handle_t *)&doorbell->poll);
  else uv_unref((uv_handle_t *)&doorbell->poll);
}

static void on_closed(uv_handle_t *handle) {
  mp_doorbell_t *doorbell = handle->data;
  close(doorbell->read_fd);
  close(doorbell->write_fd);
  void (*done)(void *) = doorbell->done;
  void *context = doorbell->done_context;
  free(doorbell);
  done(context);
}

void mp_doorbell_close(mp_doorbell_t *doorbell, void (*done)(void *), void *context) {
  doorbell->done = done;
  doorbell->done_context = context;
  uv_poll_stop(&doorbell->poll);
  napi_async_destroy(doorbell->env, doorbell->context);
  napi_delete_reference(doorbell->env, doorbell->callback);
  uv_close((uv_handle_t *)&doorbell->poll, on_closed);
}

int mp_ring_fd(int fd) {
  for (;;) {
    if (write(fd, "!", 1) == 1) return 0;
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return errno;
  }
}

static uint32_t *slot_words(int slot) {
  return (uint32_t *)(void *)(mp_arena()->base + MP_PARTICIPANTS_OFFSET + (size_t)slot * MP_PARTICIPANT_BYTES);
}

static uint32_t read_word(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }

int mp_doorbell_of_slot(int slot) {
  if (mp_arena() == NULL || slot < 0 || slot >= MP_PARTICIPANT_COUNT) {
    errno = EINVAL;
    return -1;
  }
  const uint32_t *words = slot_words(slot);
  uint32_t state = read_word(&words[MP_SLOT_STATE]);
  if ((state & MP_STATE_MASK) != MP_STATE_LIVE) {
    errno = ESRCH;
    return -1;
  }
  uint32_t pid = read_word(&words[MP_SLOT_PID]);
  uint64_t start = (uint64_t)read_word(&words[MP_SLOT_START_HIGH]) << 32 | read_word(&words[MP_SLOT_START_LOW]);
  char path[64];
  snprintf(path, sizeof(path), "/proc/%u/fd/%u", pid, read_word(&words[MP_SLOT_DOORBELL]));
  int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return -1;
  /* The pid may have been reused, or the slot: the file we opened counts only if both are still the same. A slot is
   * freed before its doorbell is closed, so an unchanged slot means that the descriptor was the doorbell. */
  if (mp_process_start_time((int)pid) != start || read_word(&words[MP_SLOT_STATE]) != state) {
    close(fd);
    errno = ESRCH;
    return -1;
  }
  return fd;
}

void mp_give_up_slot(int slot, bool claimed) {
  if (mp_arena() == NULL || slot < 0 || slot >= MP_PARTICIPANT_COUNT) return;
  uint32_t *words = slot_words(slot);
  if (claimed) {
    __atomic_store_n(&words[MP_SLOT_PID], 0, __ATOMIC_SEQ_CST); /* of no process that is alive */
    __atomic_fetch_xor(&words[MP_SLOT_STATE], MP_STATE_LIVE ^ MP_STATE_CLAIMED, __ATOMIC_SEQ_CST);
  } else {
    __atomic_fetch_and(&words[MP_SLOT_STATE], ~(uint32_t)MP_STATE_MASK, __ATOMIC_SEQ_CST);
  }
}

void mp_ring_family(void) {
  if (mp_arena() == NULL) return;
  const uint32_t *header = (const uint32_t *)(const void *)mp_arena()->base;
  uint32_t used = read_word(&header[MP_HEADER_SLOTS_USED]);
  if (used > MP_PARTICIPANT_COUNT) used = MP_PARTICIPANT_COUNT;
  for (uint32_t slot = 0; slot < used; slot++) {
    int fd = mp_doorbell_of_slot((int)slot);
    if (fd < 0) continue;
    mp_ring_fd(fd);
    close(fd);
  }
}
