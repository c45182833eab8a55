#include "process.h"
#include "arena.h"
#include "children.h"
#include "env.h"
#include "napi-helpers.h"
#include "process-stat.h"
#include "supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

/* spawn(member, file, argv, envp, cwd | null, fds, newSession) -> { id, pid } | failure */
static napi_value spawn_child(napi_env env, napi_callback_info info) {
  napi_value argv[7];
  mp_args(env, info, 7, argv);
  mp_member_t *member = mp_member(env, argv[0]);
  int fds[16];
  uint32_t fd_count = 0;
  napi_get_array_length(env, argv[5], &fd_count);
  if (fd_count > 16 || member == NULL) return mp_failure(env, EINVAL, "spawn");
  for (uint32_t i = 0; i < fd_count; i++) {
    napi_value item;
    napi_get_element(env, argv[5], i, &item);
    fds[i] = mp_i32(env, item, -1);
  }
  char *file = mp_string(env, argv[1]);
  char **arguments = mp_strings(env, argv[2]);
  char **environment = mp_strings(env, argv[3]);
  char *cwd = mp_string(env, argv[4]);
  napi_value result = mp_failure(env, ENOMEM, "spawn");
  if (file != NULL && arguments != NULL && environment != NULL) {
    mp_spawn_t request = {file, arguments, environment, cwd, fds, (int)fd_count, mp_bool(env, argv[6])};
    const char *syscall_name = "spawn";
    int id;
    pid_t pid;
    int error = mp_spawn(&request, mp_doorbell_write_fd(member->doorbell), member, &id, &pid, &syscall_name);
    if (error != 0) {
      result = mp_failure(env, error, syscall_name);
    } else {
      napi_create_object(env, &result);
      mp_set(env, result, "id", mp_int(env, id));
      mp_set(env, result, "pid", mp_int(env, pid));
    }
  }
  free(file);
  free(cwd);
  mp_free_strings(arguments);
  mp_free_strings(environment);
  return result;
}

/* takeExits(member) -> [id, status, id, status, …], or undefined when there is surely none */
static napi_value take_exits(napi_env env, napi_callback_info info) {
  napi_value argv[1], list;
  mp_exit_t taken;
  if (!mp_any_exit()) return mp_undefined(env);
  mp_args(env, info, 1, argv);
  mp_member_t *member = mp_member(env, argv[0]);
  if (member == NULL) return mp_undefined(env);
  napi_create_array(env, &list);
  for (uint32_t i = 0; mp_take_exit(member, &taken); i += 2) {
    napi_set_element(env, list, i, mp_int(env, taken.id));
    napi_set_element(env, list, i + 1, mp_int(env, taken.status));
  }
  return list;
}

/* signalChild(id, signal) -> errno */
static napi_value signal_child(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  mp_args(env, info, 2, argv);
  return mp_int(env, mp_signal_child(mp_i32(env, argv[0], 0), mp_i32(env, argv[1], 0)));
}

static napi_value child_pidfd(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  return mp_int(env, mp_child_pidfd(mp_i32(env, argv[0], 0)));
}

/* watchParent(pid) -> errno */
static napi_value watch_parent(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  return mp_int(env, mp_watch_parent(mp_i32(env, argv[0], 0)));
}

/* watchParentPidfd(pidfd, die) -> errno */
static napi_value watch_parent_pidfd(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  mp_args(env, info, 2, argv);
  return mp_int(env, mp_watch_parent_pidfd(mp_i32(env, argv[0], -1), mp_bool(env, argv[1])));
}

/* parentLives() -> boolean */
static napi_value parent_lives(napi_env env, napi_callback_info info) {
  napi_value result;
  napi_get_boolean(env, mp_parent_lives(), &result);
  return result;
}

/* procIsOurs() */
static napi_value proc_is_ours(napi_env env, napi_callback_info info) {
  napi_value ours;
  napi_get_boolean(env, mp_proc_is_ours(), &ours);
  return ours;
}

/* beat(offset, everyMs) -> errno */
static napi_value beat(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  mp_args(env, info, 2, argv);
  uint32_t *word = mp_arena_word(mp_f64(env, argv[0], -1));
  return mp_int(env, word == NULL ? EINVAL : mp_beat(word, mp_i32(env, argv[1], 0)));
}

static napi_value process_start_time(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  return mp_number(env, (double)mp_process_start_time(mp_i32(env, argv[0], 0)));
}

/* exitNow(code): the exit path without any handler or destructor. */
static napi_value exit_now(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  _exit(mp_i32(env, argv[0], 1));
}

static pid_t interrupting_parent;

/* Ctrl-C comes from the terminal and is the parent's business; the same signal sent by the parent itself is
 * Process.interrupt() and has its default effect. A handler of the user's replaces this one. */
static void on_interrupt(int number, siginfo_t *info, void *context) {
  if (info->si_code > 0 || info->si_pid != interrupting_parent) return;
  struct sigaction fallback;
  memset(&fallback, 0, sizeof(fallback));
  fallback.sa_handler = SIG_DFL;
  sigaction(SIGINT, &fallback, NULL);
  kill(getpid(), SIGINT);
}

void mp_join_group_of(pid_t parent) {
  pid_t group = getpgid(parent);
  if (group > 0 && group != getpgrp() && getsid(0) != getpid()) setpgid(0, group);
}

/* ignoreTerminalInterrupt(parentPid) -> errno */
static napi_value ignore_terminal_interrupt(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  interrupting_parent = mp_i32(env, argv[0], 0);
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_sigaction = on_interrupt;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  int error = sigaction(SIGINT, &action, NULL) == 0 ? 0 : errno;
  if (error == 0) mp_join_group_of(interrupting_parent);
  return mp_int(env, error);
}

/* pipe() -> [readFd, writeFd] | failure; both close-on-exec. */
static napi_value make_pipe(napi_env env, napi_callback_info info) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return mp_failure(env, errno, "pipe2");
  napi_value list;
  napi_create_array(env, &list);
  napi_set_element(env, list, 0, mp_int(env, ends[0]));
  napi_set_element(env, list, 1, mp_int(env, ends[1]));
  return list;
}

static napi_value close_fd(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  int fd = mp_i32(env, argv[0], -1);
  mp_forget_bell(mp_env(env), fd);
  return mp_int(env, close(fd) == 0 ? 0 : errno);
}

/* A duplicate that survives the closing of the original; -errno on failure. */
static napi_value duplicate_fd(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  int fd = fcntl(mp_i32(env, argv[0], -1), F_DUPFD_CLOEXEC, 3);
  return mp_int(env, fd >= 0 ? fd : -errno);
}

/* randomFill(bytes) -> errno: from the kernel, for keys; loading node's module for it takes a starting program 2 ms. */
static napi_value random_fill(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  napi_typedarray_type type;
  void *data;
  size_t size;
  mp_args(env, info, 1, argv);
  if (napi_get_typedarray_info(env, argv[0], &type, &size, &data, NULL, NULL) != napi_ok || type != napi_uint8_array)
    return mp_int(env, EINVAL);
  for (size_t done = 0; done < size;) {
    ssize_t some = getrandom((char *)data + done, size - done, 0);
    if (some < 0 && errno != EINTR) return mp_int(env, errno);
    if (some > 0) done += (size_t)some;
  }
  return mp_int(env, 0);
}

void mp_process_exports(napi_env env, napi_value exports) {
  mp_export(env, exports, "spawn", spawn_child);
  mp_export(env, exports, "takeExits", take_exits);
  mp_export(env, exports, "signalChild", signal_child);
  mp_export(env, exports, "childPidfd", child_pidfd);
  mp_export(env, exports, "watchParent", watch_parent);
  mp_export(env, exports, "watchParentPidfd", watch_parent_pidfd);
  mp_export(env, exports, "parentLives", parent_lives);
  mp_export(env, exports, "beat", beat);
  mp_export(env, exports, "procIsOurs", proc_is_ours);
  mp_export(env, exports, "processStartTime", process_start_time);
  mp_export(env, exports, "exitNow", exit_now);
  mp_export(env, exports, "ignoreTerminalInterrupt", ignore_terminal_interrupt);
  mp_export(env, exports, "randomFill", random_fill);
  mp_export(env, exports, "pipe", make_pipe);
  mp_export(env, exports, "closeFd", close_fd);
  mp_export(env, exports, "duplicateFd", duplicate_fd);
}
