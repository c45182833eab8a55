#include "fork-server.h"
#include "doorbell.h"
#include "fault.h"
#include "fork-protocol.h"
#include "fork-readiness.h"
#include "napi-helpers.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

typedef struct {
  int calls;
  int reaps;
  bool forks;
  struct {
    pid_t pid;
    bool detached;
  } *children;
  size_t count, room;
  mp_threads_t threads;
} server_t;

typedef struct {
  mp_fork_request_t header;
  char *text; /* then the working directory, each with a NUL */
  const char *cwd;
  int fds[MP_FORK_FDS];
} request_t;

/* ---- requests ---- */

static void drop_request(request_t *request) {
  for (uint32_t i = 0; i < request->header.fd_count; i++) close(request->fds[i]);
  free(request->text);
  memset(request, 0, sizeof(*request));
}

/* 0, or an errno: nobody asks any more. */
static int read_request(int calls, request_t *request) {
  int fd_count = MP_FORK_FDS;
  memset(request, 0, sizeof(*request));
  ssize_t got = mp_receive_with_fds(calls, &request->header, sizeof(request->header), request->fds, &fd_count);
  if (got <= 0) return EPIPE;
  int error = mp_receive_all(calls, (char *)&request->header + got, sizeof(request->header) - (size_t)got, -1);
  if (error != 0) return error;
  request->header.fd_count = (uint32_t)fd_count;
  size_t text = request->header.text_bytes, cwd = request->header.cwd_bytes;
  request->text = malloc(text + cwd + 2);
  if (request->text == NULL) return ENOMEM;
  error = mp_receive_all(calls, request->text, text, -1);
  if (error == 0) error = mp_receive_all(calls, request->text + text + 1, cwd, -1);
  request->text[text] = '\0';
  request->text[text + 1 + cwd] = '\0';
  request->cwd = request->text + text + 1;
  return error;
}

/* ---- children ---- */

static bool remember(server_t *server, pid_t pid, bool detached) {
  if (server->count == server->room) return false;
  server->children[server->count].pid = pid;
  server->children[server->count++].detached = detached;
  return true;
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
static _Noreturn void end(const server_t *server) {
  for (size_t i = 0; i < server->count; i++)
    if (!server->children[i].detached) kill(server->children[i].pid, SIGKILL); /* not reaped, so the pid is its own */
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

/* In the child: everything that is not JavaScript's. */
static void become_child(server_t *server, const request_t *request, uv_loop_t *loop) {
  mp_threads_close(&server->threads);
  close(server->calls);
  close(server->reaps);
  free(server->children);
  for (int i = 0; i < 3; i++) {
    dup2(request->fds[i], i);
    close(request->fds[i]);
  }
  umask((mode_t)request->header.umask);
  if ((request->header.flags & MP_FORK_DETACHED) != 0) setsid();
  prctl(PR_SET_PDEATHSIG, 0); /* not of the server: the parent is watched */
  if (server->forks) uv_loop_fork(loop);
  uv_update_time(loop);
}

/* The working directory is changed before the fork, so that a failure is the request's. */
static pid_t fork_in(const server_t *server, const request_t *request, mp_fork_answer_t *answer) {
  int before = -1;
  snprintf(answer->syscall_name, sizeof(answer->syscall_name), "chdir");
  if (request->header.cwd_bytes > 0) {
    before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (before < 0 || chdir(request->cwd) != 0) {
      answer->error = errno;
      if (before >= 0) close(before);
      return -1;
    }
  }
  snprintf(answer->syscall_name, sizeof(answer->syscall_name), "fork");
  answer->error = mp_threads_quiet(&server->threads) ? MP_FAULT_ERRNO("forkserver.beforeFork") : EBUSY;
  pid_t pid = answer->error == 0 ? fork() : -1;
  if (pid < 0 && answer->error == 0) answer->error = errno;
  if (before >= 0) {
    if (pid != 0 && fchdir(before) != 0) abort(); /* every further child would be in the wrong place */
    close(before);
  }
  return pid;
}

/* True: this is the child. */
static bool serve_request(server_t *server, request_t *request, uv_loop_t *loop) {
  mp_fork_answer_t answer = {0, ENOMEM, "realloc"};
  pid_t pid = make_room(server) ? fork_in(server, request, &answer) : -1;
  if (pid == 0) {
    become_child(server, request, loop);
    return true;
  }
  int pidfd = -1;
  if (pid > 0) {
    remember(server, pid, (request->header.flags & MP_FORK_DETACHED) != 0);
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    answer.pid = pid;
    if (pidfd < 0) {
      answer.pid = 0;
      answer.error = errno;
      snprintf(answer.syscall_name, sizeof(answer.syscall_name), "pidfd_open");
      kill(pid, SIGKILL);
      waitpid(pid, NULL, 0);
      forget(server, pid);
    }
  }
  MP_FAULT("forkserver.beforeAnswer");
  int error = mp_send_with_fds(server->calls, &answer, sizeof(answer), &pidfd, pidfd >= 0 ? 1 : 0);
  if (pidfd >= 0) close(pidfd);
  drop_request(request);
  if (error != 0) end(server);
  return false;
}

/* Returns in the child, with the request that it is to fulfil. */
static void serve(server_t *server, request_t *request, uv_loop_t *loop) {
  for (;;) {
    int reaps = server->forks ? server->reaps : -1;
    struct pollfd list[2] = {{.fd = server->calls, .events = POLLIN}, {.fd = reaps, .events = POLLIN}};
    if (poll(list, 2, -1) < 0) continue;
    if (list[1].revents != 0) answer_reap(server);
    if (list[0].revents == 0) continue;
    if (read_request(server->calls, request) != 0) end(server);
    if (!server->forks) {
      become_child(server, request, loop);
      return;
    }
    if (serve_request(server, request, loop)) return;
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

/* Positive; no two children have the same but by chance. */
static int seed_of_child(void) {
  uint32_t seed = 0;
  if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed)) seed = (uint32_t)getpid();
  return (int)(seed >> 2) + 1;
}

/* serveForks(calls, reaps, bell, greeting, forks) -> { request, fds, pid, seed } in the child | failure
 * Never returns in the server; without `forks` the server itself becomes the one child. */
static napi_value serve_forks(napi_env env, napi_callback_info info) {
  napi_value argv[5], result, list, text;
  uv_loop_t *loop;
  mp_args(env, info, 5, argv);
  server_t server = {mp_i32(env, argv[0], -1), mp_i32(env, argv[1], -1), mp_bool(env, argv[4]), NULL, 0, 0, {0, {0}}};
  request_t request;
  char *greeting = mp_string(env, argv[3]);
  if (greeting == NULL || napi_get_uv_event_loop(env, &loop) != napi_ok) return mp_failure(env, ENOMEM, "serveForks");
  signal(SIGINT, SIG_IGN); /* Ctrl-C is the parent's business */
  prctl(PR_SET_PDEATHSIG, SIGCONT);
  int error = server.forks ? mp_include_all_memory() : 0;
  if (error == 0 && server.forks) error = mp_threads_open(&server.threads);
  if (error == 0) {
    int unheard = greet(server.calls, mp_i32(env, argv[2], -1), greeting);
    if (server.forks) error = unheard; /* a parent that has said what the one child is need not listen */
  }
  free(greeting);
  if (error != 0) return mp_failure(env, error, "serveForks");
  serve(&server, &request, loop);
  napi_create_object(env, &result);
  napi_create_array(env, &list);
  for (uint32_t i = 3; i < request.header.fd_count; i++) napi_set_element(env, list, i - 3, mp_int(env, request.fds[i]));
  napi_create_string_utf8(env, request.text, request.header.text_bytes, &text);
  free(request.text);
  mp_set(env, result, "request", text);
  mp_set(env, result, "fds", list);
  mp_set(env, result, "pid", mp_int(env, getpid()));
  mp_set(env, result, "seed", mp_int(env, seed_of_child()));
  return result;
}

void mp_fork_server_exports(napi_env env, napi_value exports) { mp_export(env, exports, "serveForks", serve_forks); }
