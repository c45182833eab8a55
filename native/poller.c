#include "poller.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <uv.h>

struct mp_poller {
  uv_poll_t poll;
  napi_env env;
  napi_ref callback;
  napi_async_context context;
  int epoll_fd;
  int32_t *ids;
  void (*done)(void *);
  void *done_context;
};

static void on_ready(uv_poll_t *poll, int status, int events) {
  mp_poller_t *poller = poll->data;
  napi_env env = poller->env;
  struct epoll_event ready[MP_POLLER_EVENTS];
  int count = epoll_wait(poller->epoll_fd, ready, MP_POLLER_EVENTS, 0);
  if (count <= 0) return;
  for (int i = 0; i < count; i++) poller->ids[i] = (int32_t)ready[i].data.u32;
  napi_handle_scope scope;
  napi_value callback, receiver, argument, result;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_get_global(env, &receiver);
  napi_create_int32(env, count, &argument);
  if (napi_get_reference_value(env, poller->callback, &callback) == napi_ok && callback != NULL &&
      napi_make_callback(env, poller->context, receiver, callback, 1, &argument, &result) == napi_pending_exception) {
    napi_value error;
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

int mp_poller_open(napi_env env, napi_value callback, int32_t *ids, mp_poller_t **opened, const char **syscall_name) {
  uv_loop_t *loop;
  *syscall_name = "epoll_create1";
  mp_poller_t *poller = calloc(1, sizeof(*poller));
  if (poller == NULL) return ENOMEM;
  poller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (poller->epoll_fd < 0) {
    int error = errno;
    free(poller);
    return error;
  }
  poller->env = env;
  poller->ids = ids;
  poller->poll.data = poller;
  *syscall_name = "uv_poll";
  int error = napi_get_uv_event_loop(env, &loop) == napi_ok ? uv_poll_init(loop, &poller->poll, poller->epoll_fd) : -EINVAL;
  if (error != 0) {
    close(poller->epoll_fd);
    free(poller);
    return -error;
  }
  napi_value name;
  napi_create_string_utf8(env, "multiproc:sockets", NAPI_AUTO_LENGTH, &name);
  napi_create_reference(env, callback, 1, &poller->callback);
  napi_async_init(env, NULL, name, &poller->context);
  uv_poll_start(&poller->poll, UV_READABLE, on_ready);
  uv_unref((uv_handle_t *)&poller->poll);
  *opened = poller;
  return 0;
}

/* Writable is asked for only at need: the other end's every read would be one. */
static int control(mp_poller_t *poller, int operation, int fd, int32_t id, bool writable) {
  struct epoll_event event;
  memset(&event, 0, sizeof(event));
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET | (writable ? EPOLLOUT : 0);
  event.data.u32 = (uint32_t)id;
  return epoll_ctl(poller->epoll_fd, operation, fd, &event) == 0 ? 0 : errno;
}

int mp_poller_add(mp_poller_t *poller, int fd, int32_t id) { return control(poller, EPOLL_CTL_ADD, fd, id, false); }

int mp_poller_change(mp_poller_t *poller, int fd, int32_t id, bool writable) {
  return control(poller, EPOLL_CTL_MOD, fd, id, writable);
}

int mp_poller_remove(mp_poller_t *poller, int fd) { return control(poller, EPOLL_CTL_DEL, fd, 0, false); }

void mp_poller_keep_alive(mp_poller_t *poller, bool alive) {
  if (alive) uv_ref((uv_handle_t *)&poller->poll);
  else uv_unref((uv_handle_t *)&poller->poll);
}

static void on_closed(uv_handle_t *handle) {
  mp_poller_t *poller = handle->data;
  close(poller->epoll_fd);
  void (*done)(void *) = poller->done;
  void *context = poller->done_context;
  free(poller);
  done(context);
}

void mp_poller_close(mp_poller_t *poller, void (*done)(void *), void *context) {
  poller->done = done;
  poller->done_context = context;
  uv_poll_stop(&poller->poll);
  napi_async_destroy(poller->env, poller->context);
  napi_delete_reference(poller->env, poller->callback);
  uv_close((uv_handle_t *)&poller->poll, on_closed);
}
