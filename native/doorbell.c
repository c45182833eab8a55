#include "doorbell.h"
#include "arena.h"
#include "fault.h"
#include "futex.h"
#include "layout.h"
#include "napi-helpers.h"
#include "process-stat.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

/* What `armed` in the slot says. A ring sets it to 0; one that finds LISTENING has no byte to write. */
enum { BUSY = 0, ASLEEP = 1, LISTENING = 2 };

/* The words of `alive`. */
enum { WANTED_ALIVE = 0, KEPT_ALIVE = 1, ALIVE_WORDS = 2 };

/* How long a listener goes without a look at the other descriptors of its event loop. */
#define LOOK_EVERY_MS 0.005

/* How long a listener that is rung again and again goes without a round of its event loop. */
#define MOST_WITHOUT_LOOP_MS 0.05

struct mp_doorbell {
  uv_poll_t poll;
  uv_prepare_t prepare; /* the moment before the event loop sleeps */
  uv_idle_t once_more;  /* while it is active the loop looks, and does not sleep */
  uint32_t *armed;      /* of the slot of this thread, or NULL */
  int32_t spin[MP_SPIN_WORDS];
  double asleep_since; /* negative: it did not go to sleep */
  int32_t *alive;      /* what JavaScript wants, and what is: memory of the buffer that `alive_buffer` refers to */
  napi_ref alive_buffer;
  int open_handles;
  napi_env env;
  napi_ref callback;
  napi_async_context context;
  int read_fd;
  int write_fd;
  void (*done)(void *);
  void *done_context;
};

static uint32_t *slot_words(int slot) {
  return (uint32_t *)(void *)(mp_arena()->base + MP_PARTICIPANTS_OFFSET + (size_t)slot * MP_PARTICIPANT_BYTES);
}

static uint32_t read_word(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }

static void empty_pipe(int fd) {
  char bytes[512];
  while (read(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes)) {
  }
}

static void call_back(const mp_doorbell_t *doorbell) {
  napi_env env = doorbell->env;
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

static void on_ring(uv_poll_t *poll, int status, int events) {
  mp_doorbell_t *doorbell = poll->data;
  if (doorbell->asleep_since >= 0) mp_spin_learn(doorbell->spin, (mp_now_ms() - doorbell->asleep_since) * 1e3);
  doorbell->asleep_since = -1;
  empty_pipe(doorbell->read_fd);
  call_back(doorbell);
}

static void nothing(uv_idle_t *handle) {}

static bool change(uint32_t *word, uint32_t from, uint32_t to) {
  return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

typedef enum { RUNG, OTHERS_READY, SILENCE } heard_t;

/* Waits awake for a ring, or for anything else that the event loop would wake for. */
static heard_t listen_for(const mp_doorbell_t *doorbell, int loop_fd, double limit_us) {
  double end = doorbell->asleep_since + limit_us / 1e3;
  for (;;) {
    double slice = end - mp_now_ms();
    if (slice <= 0) return SILENCE;
    if (mp_spin_while(doorbell->armed, LISTENING, (slice < LOOK_EVERY_MS ? slice : LOOK_EVERY_MS) * 1e3)) return RUNG;
    struct pollfd others = {loop_fd, POLLIN, 0};
    if (poll(&others, 1, 0) > 0) return OTHERS_READY;
  }
}

/* Nobody waits for a ring any more: the event loop may end. */
static void let_go(const mp_doorbell_t *doorbell) {
  if (doorbell->alive[KEPT_ALIVE] == 0 || doorbell->alive[WANTED_ALIVE] != 0) return;
  doorbell->alive[KEPT_ALIVE] = 0;
  uv_unref((uv_handle_t *)&doorbell->poll);
}

/* Whether the loop has nothing to do but to sleep. */
static bool is_idle(const mp_doorbell_t *doorbell, const uv_loop_t *loop) {
  let_go(doorbell);
  return doorbell->armed != NULL && read_word(doorbell->armed) == ASLEEP && uv_backend_timeout(loop) != 0;
}

/* Listens for as long as that paid lately; whether the thread may sleep now. */
static bool falls_asleep(mp_doorbell_t *doorbell, uv_loop_t *loop) {
  doorbell->asleep_since = mp_now_ms();
  int limit_us = doorbell->spin[0];
  if (limit_us == 0 || !change(doorbell->armed, ASLEEP, LISTENING)) return true;
  MP_FAULT("doorbell.listening");
  heard_t heard = listen_for(doorbell, uv_backend_fd(loop), limit_us);
  if (heard != RUNG && change(doorbell->armed, LISTENING, ASLEEP)) {
    if (heard == OTHERS_READY) doorbell->asleep_since = -1;
    return true;
  }
  mp_spin_learn(doorbell->spin, (mp_now_ms() - doorbell->asleep_since) * 1e3);
  doorbell->asleep_since = -1;
  return false;
}

/* Where rings came soon after this thread had gone to sleep, it listens awake for a while first: a ring then costs neither the
 * other side a system call nor this one a wake. Who rings after it has gone to sleep writes a byte, as ever; who rings
 * before is seen when the word cannot be changed back. If what a ring brought leaves the loop nothing to do it listens again, without a
 * round of the loop; timers and the other descriptors wait for MOST_WITHOUT_LOOP_MS at most. */
static void before_sleep(uv_prepare_t *handle) {
  mp_doorbell_t *doorbell = handle->data;
  uv_idle_stop(&doorbell->once_more);
  doorbell->asleep_since = -1;
  double end = 0;
  while (is_idle(doorbell, handle->loop)) {
    if (falls_asleep(doorbell, handle->loop)) return;
    call_back(doorbell);
    double now = mp_now_ms();
    if (end == 0) end = now + MOST_WITHOUT_LOOP_MS;
    else if (now >= end) break;
  }
  if (end != 0) uv_idle_start(&doorbell->once_more, nothing); /* there may be more: the loop comes by here again */
}

void mp_doorbell_of_thread(mp_doorbell_t *doorbell, int slot) {
  bool known = mp_arena() != NULL && slot >= 0 && slot < MP_PARTICIPANT_COUNT;
  doorbell->armed = known ? &slot_words(slot)[MP_SLOT_ARMED] : NULL;
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
  doorbell->poll.data = doorbell->prepare.data = doorbell->once_more.data = doorbell;
  doorbell->asleep_since = -1;
  napi_value name, buffer;
  void *words;
  napi_create_arraybuffer(env, ALIVE_WORDS * sizeof(int32_t), &words, &buffer);
  napi_create_reference(env, buffer, 1, &doorbell->alive_buffer);
  doorbell->alive = words;
  napi_create_string_utf8(env, "multiproc:doorbell", NAPI_AUTO_LENGTH, &name);
  napi_create_reference(env, callback, 1, &doorbell->callback);
  napi_async_init(env, NULL, name, &doorbell->context);
  *syscall_name = "uv_poll";
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return EINVAL;
  error = uv_poll_init(loop, &doorbell->poll, read_fd);
  if (error == 0) error = uv_poll_start(&doorbell->poll, UV_READABLE, on_ring);
  if (error != 0) return -error;
  uv_unref((uv_handle_t *)&doorbell->poll);
  uv_prepare_init(loop, &doorbell->prepare);
  uv_prepare_start(&doorbell->prepare, before_sleep);
  uv_unref((uv_handle_t *)&doorbell->prepare);
  uv_idle_init(loop, &doorbell->once_more);
  uv_unref((uv_handle_t *)&doorbell->once_more);
  *opened = doorbell;
  return 0;
}

int mp_doorbell_read_fd(const mp_doorbell_t *doorbell) { return doorbell->read_fd; }
int mp_doorbell_write_fd(const mp_doorbell_t *doorbell) { return doorbell->write_fd; }

napi_value mp_doorbell_alive_words(const mp_doorbell_t *doorbell) {
  napi_value buffer, words;
  napi_get_reference_value(doorbell->env, doorbell->alive_buffer, &buffer);
  napi_create_typedarray(doorbell->env, napi_int32_array, ALIVE_WORDS, buffer, 0, &words);
  return words;
}

void mp_doorbell_keep_alive(mp_doorbell_t *doorbell) {
  doorbell->alive[KEPT_ALIVE] = 1;
  uv_ref((uv_handle_t *)&doorbell->poll);
}

static void on_closed(uv_handle_t *handle) {
  mp_doorbell_t *doorbell = handle->data;
  if (--doorbell->open_handles > 0) return;
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
  napi_delete_reference(doorbell->env, doorbell->alive_buffer);
  uv_handle_t *handles[] = {(uv_handle_t *)&doorbell->poll, (uv_handle_t *)&doorbell->prepare, (uv_handle_t *)&doorbell->once_more};
  doorbell->open_handles = sizeof(handles) / sizeof(*handles);
  for (int i = 0; i < doorbell->open_handles; i++) uv_close(handles[i], on_closed);
  close(doorbell->read_fd); /* libuv knows it no longer, and the loop may have its next turn long after this */
  close(doorbell->write_fd);
}

int mp_ring_fd(int fd) {
  for (;;) {
    if (write(fd, "!", 1) == 1) return 0;
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return errno;
  }
}

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
