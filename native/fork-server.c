#include "fork-server.h"
#include "doorbell.h"
#include "fault.h"
#include "fork-order.h"
#include "fork-readiness.h"
#include "fork-spare.h"
#include "napi-helpers.h"
#include "process.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

/* All in microseconds. */
#define SPARE_TIME 10000000 /* so long a spare waits for the next request */
/* The next spare is forked so long after an order: parent and child begin first, for which few CPUs may be there. Where orders
 * come in so short a time as HURRY the next one may come soon, so that there is the short pause only. */
#define HURRY 30000
#define SHORT_PAUSE 300
#define LONG_PAUSE 2000

typedef struct {
  int calls;
  int reaps;
  struct {
    pid_t pid;
    bool detached;
  } *children;
  size_t count, room;
  mp_threads_t threads;
  mp_spare_t spare;
  bool wants_spare;
  int64_t spare_at, last_order; /* microseconds */
} server_t;

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- children ---- */

/* There is room: see make_room. */
static void remember(server_t *server, pid_t pid, bool detached) {
  server->children[server->count].pid = pid;
  server->children[server->count++].detached = detached;
}

static bool make_room(server_t *server) {
  if (server->count < server->room) return true;
  size_t room = server->room * 2 + 64;
  void *larger = realloc(server->children, room * sizeof(*server->children));
  if (larger == NULL) return false;
  server->children = larger;
  server->room = room;
  return true;
}

static void forget(server_t *server, pid_t pid) {
  for (size_t i = 0; i < server->count; i++) {
    if (server->children[i].pid != pid) continue;
    server->children[i] = server->children[--server->count];
    return;
  }
}

/* The parent is gone: so are its children, what the children's own watchers cannot do for stopped ones. */
static _Noreturn void end(server_t *server) {
  mp_spare_discard(&server->spare);
  for (size_t i = 0; i < server->count; i++) {
    if (server->children[i].detached) continue;
    if (kill(server->children[i].pid, SIGKILL) != 0) MP_FAULT("forkserver.killsNobody"); /* not reaped, so the pid is its own */
  }
  _exit(0);
}

static void answer_reap(server_t *server) {
  mp_reap_request_t asked;
  mp_reap_answer_t answer = {0, 0, 0};
  ssize_t got = recv(server->reaps, &asked, sizeof(asked), 0);
  if (got != (ssize_t)sizeof(asked)) end(server);
  siginfo_t info;
  memset(&info, 0, sizeof(info));
  answer.pid = asked.pid;
  if (waitid(P_PID, (id_t)asked.pid, &info, WEXITED | WNOWAIT) != 0) answer.error = errno;
  else answer.status = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
  MP_FAULT("forkserver.beforeStatus");
  send(server->reaps, &answer, sizeof(answer), MSG_NOSIGNAL);
  MP_FAULT("forkserver.beforeReap");
  if (answer.error != 0) return;
  waitid(P_PID, (id_t)asked.pid, &info, WEXITED);
  forget(server, asked.pid);
}

/* In the child: forgets that it was the server. */
static void become_spare(server_t *server, uv_loop_t *loop) {
  mp_threads_close(&server->threads);
  close(server->calls);
  close(server->reaps);
  free(server->children);
  uv_loop_fork(loop);
}

/* 0 in the child. */
static pid_t fork_spare(server_t *server, uv_loop_t *loop) {
  server->wants_spare = false;
  if (!mp_threads_quiet(&server->threads)) {
    errno = EBUSY;
    return -1;
  }
  MP_FAULT("forkserver.fork");
  pid_t pid = mp_spare_fork(&server->spare);
  if (pid == 0) become_spare(server, loop);
  return pid;
}

/* ---- requests ---- */

static void fails_with(mp_fork_answer_t *answer, int error, const char *syscall_name) {
  answer->error = error;
  snprintf(answer->syscall_name, sizeof(answer->syscall_name), "%s", syscall_name);
}

/* The pidfd of the spare, which is the answer then, or -1. */
static int promise_spare(const server_t *server, mp_fork_answer_t *answer) {
  int error = MP_FAULT_ERRNO("forkserver.beforePidfd");
  int pidfd = error == 0 ? (int)syscall(SYS_pidfd_open, server->spare.pid, 0) : -1;
  if (pidfd < 0) {
    fails_with(answer, error != 0 ? error : errno, "pidfd_open");
    return -1;
  }
  answer->pid = server->spare.pid;
  return pidfd;
}

/* True: this is the child. */
static bool find_spare(server_t *server, mp_order_t *order, uv_loop_t *loop, mp_fork_answer_t *answer) {
  int error = MP_FAULT_ERRNO("forkserver.beforeFork");
  if (error != 0) {
    fails_with(answer, error, "fork");
    return false;
  }
  if (!make_room(server)) {
    fails_with(answer, ENOMEM, "realloc");
    return false;
  }
  error = mp_order_open_folder(order);
  if (error != 0) {
    fails_with(answer, error, "chdir");
    return false;
  }
  mp_spare_ended(&server->spare);
  if (server->spare.pid != 0) return false;
  pid_t pid = fork_spare(server, loop);
  if (pid < 0) fails_with(answer, errno, "fork");
  return pid == 0;
}

/* The spare is a child from now on. */
static void give_order(server_t *server, const mp_order_t *order) {
  remember(server, server->spare.pid, (order->header.flags & MP_FORK_DETACHED) != 0);
  mp_spare_give(&server->spare, order);
  int64_t now = now_us();
  server->wants_spare = true;
  server->spare_at = now + (now - server->last_order <= HURRY ? SHORT_PAUSE : LONG_PAUSE);
  server->last_order = now;
}

/* True: this is the child, which will be given the order as everybody is. */
static bool serve_order(server_t *server, uv_loop_t *loop) {
  mp_order_t order;
  if (mp_order_read(server->calls, &order) != 0) end(server);
  mp_fork_answer_t answer = {0, 0, ""};
  if (find_spare(server, &order, loop, &answer)) {
    mp_order_drop(&order);
    return true;
  }
  int pidfd = answer.error == 0 ? promise_spare(server, &answer) : -1;
  MP_FAULT("forkserver.beforeAnswer");
  int error = mp_send_with_fds(server->calls, &answer, sizeof(answer), &pidfd, pidfd >= 0 ? 1 : 0);
  if (pidfd >= 0) {
    close(pidfd);
    if (error == 0) give_order(server, &order);
  }
  mp_order_drop(&order);
  if (error != 0) end(server);
  return false;
}

/* How long to wait for requests: until there is to be a spare, or, with the one that there is, until it is given up. */
static int64_t patience(const server_t *server) {
  if (server->wants_spare) {
    int64_t left = server->spare_at - now_us();
    return left > 0 ? left : 0;
  }
  if (server->spare.pid == 0) return -1;
  return MP_FAULT_ERRNO("forkserver.idle") == 0 ? SPARE_TIME : 0;
}

/* Where this process, which was a server, gets its order, and whether it was forked for one: that comes in no time. */
static int own_socket = -1;
static bool is_promised;

/* Returns in the children. A spare is forked when nobody asks for anything. */
static void serve(server_t *server, uv_loop_t *loop) {
  for (;;) {
    int spare = server->spare.pid == 0 ? -1 : server->spare.socket;
    struct pollfd list[3] = {
        {.fd = server->calls, .events = POLLIN}, {.fd = server->reaps, .events = POLLIN}, {.fd = spare, .events = 0}};
    int64_t left = patience(server);
    struct timespec limit = {left / 1000000, left % 1000000 * 1000};
    int count = ppoll(list, 3, left < 0 ? NULL : &limit, NULL);
    if (count < 0) continue;
    if (count == 0 && !server->wants_spare) mp_spare_discard(&server->spare);
    else if (count == 0 && fork_spare(server, loop) == 0) return;
    if (list[2].revents != 0) mp_spare_discard(&server->spare);
    if (list[1].revents != 0) answer_reap(server);
    is_promised = list[0].revents != 0 && serve_order(server, loop);
    if (is_promised) return;
  }
}

/* ---- called by JavaScript ---- */

static int greet(int calls, int bell, char *greeting) {
  uint32_t length = (uint32_t)strlen(greeting);
  int error = mp_send_all(calls, &length, sizeof(length));
  if (error == 0) error = mp_send_all(calls, greeting, length);
  mp_ring_fd(bell);
  return error;
}

/* serveForks(calls, reaps, bell, greeting, forks) -> pid of the child | failure
 * Never returns in a server that forks; without `forks` the server itself is to become the one child. */
static napi_value serve_forks(napi_env env, napi_callback_info info) {
  napi_value argv[5];
  uv_loop_t *loop;
  mp_args(env, info, 5, argv);
  server_t server = {.calls = mp_i32(env, argv[0], -1), .reaps = mp_i32(env, argv[1], -1)};
  bool forks = mp_bool(env, argv[4]);
  char *greeting = mp_string(env, argv[3]);
  if (greeting == NULL || napi_get_uv_event_loop(env, &loop) != napi_ok) return mp_failure(env, ENOMEM, "serveForks");
  signal(SIGINT, SIG_IGN); /* Ctrl-C is the parent's business */
  if (forks) mp_join_group_of(getppid());
  prctl(PR_SET_PDEATHSIG, SIGCONT);
  int error = forks ? mp_include_all_memory() : 0;
  if (error == 0 && forks) error = mp_threads_open(&server.threads);
  if (error == 0) {
    int unheard = greet(server.calls, mp_i32(env, argv[2], -1), greeting);
    if (forks) error = unheard; /* a parent that has said what the one child is need not listen */
  }
  free(greeting);
  if (error != 0) return mp_failure(env, error, "serveForks");
  if (forks) serve(&server, loop);
  else close(server.reaps);
  own_socket = forks ? server.spare.socket : server.calls;
  return mp_int(env, getpid());
}

/* orderComes(ms) -> whether awaitOrder() would not block, within that time */
static napi_value order_comes(napi_env env, napi_callback_info info) {
  struct pollfd waits = {.fd = own_socket, .events = POLLIN};
  napi_value argv[1], result;
  mp_args(env, info, 1, argv);
  napi_get_boolean(env, is_promised || poll(&waits, 1, mp_i32(env, argv[0], 0)) != 0, &result);
  return result;
}

/* awaitOrder() -> { request, fds } | failure: nobody needs this process, or it cannot be what is needed. Blocks. */
static napi_value await_order(napi_env env, napi_callback_info info) {
  napi_value result, list, text;
  uv_loop_t *loop;
  mp_order_t order;
  int error = napi_get_uv_event_loop(env, &loop) != napi_ok ? ENOMEM : mp_order_read(own_socket, &order);
  if (error != 0) return mp_failure(env, error, "awaitOrder");
  close(own_socket);
  error = mp_spare_take(&order);
  if (error != 0) return mp_failure(env, error, "awaitOrder");
  uv_update_time(loop);
  napi_create_object(env, &result);
  napi_create_array(env, &list);
  for (uint32_t i = 3; i < order.header.fd_count; i++) napi_set_element(env, list, i - 3, mp_int(env, order.fds[i]));
  napi_create_string_utf8(env, order.text, order.header.text_bytes, &text);
  free(order.text);
  mp_set(env, result, "request", text);
  mp_set(env, result, "fds", list);
  return result;
}

void mp_fork_server_exports(napi_env env, napi_value exports) {
  mp_export(env, exports, "serveForks", serve_forks);
  mp_export(env, exports, "orderComes", order_comes);
  mp_export(env, exports, "awaitOrder", await_order);
}
