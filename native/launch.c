#include "launch.h"
#include "fault.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_FDS_TO_TRY 65536

typedef struct {
  const mp_spawn_t *spawn;
  const int *moved;
  int error; /* told through the memory that parent and child share until the exec */
  const char *syscall_name;
} attempt_t;

static void set_signal(int number, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler};
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, NULL);
}

/* What this process inherited itself, and what others of its libraries opened. */
static void close_from(int first) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
#endif
  struct rlimit limit = {.rlim_cur = MOST_FDS_TO_TRY};
  getrlimit(RLIMIT_NOFILE, &limit);
  for (int fd = first; fd < MOST_FDS_TO_TRY && (rlim_t)fd < limit.rlim_cur; fd++) close(fd);
}

#define STEP(call, name)          \
  do {                            \
    if ((call) < 0) {             \
      attempt->error = errno;     \
      attempt->syscall_name = name; \
      _exit(127);                 \
    }                             \
  } while (0)

/* Runs in the child, in the parent's memory: system calls only. */
__attribute__((noinline, noreturn)) static void become(attempt_t *attempt) {
  const mp_spawn_t *spawn = attempt->spawn;
  sigset_t none;
  sigemptyset(&none);
  set_signal(SIGPIPE, SIG_DFL); /* ignored by the runtime, and ignored signals survive exec */
  set_signal(SIGXFSZ, SIG_DFL);
  if (spawn->new_session) STEP(setsid(), "setsid");
  else STEP(setpgid(0, 0), "setpgid");
  set_signal(SIGINT, SIG_IGN); /* forgets the Ctrl-C that came before the group was left, which is blocked so far */
  set_signal(SIGINT, SIG_DFL);
  for (int i = 0; i < spawn->fd_count; i++) STEP(dup2(attempt->moved[i], i), "dup2");
  close_from(spawn->fd_count);
  if (spawn->cwd != NULL) STEP(chdir(spawn->cwd), "chdir");
  sigprocmask(SIG_SETMASK, &none, NULL);
  STEP(execve(spawn->file, spawn->argv, spawn->envp), "execve");
  _exit(127);
}

static int start(attempt_t *attempt, pid_t *pid) {
  *pid = vfork();
  if (*pid == 0) become(attempt);
  if (*pid < 0) {
    attempt->syscall_name = "vfork";
    return errno;
  }
  int error = *(volatile int *)&attempt->error;
  if (error != 0) waitpid(*pid, NULL, 0);
  return error;
}

int mp_launch(const mp_spawn_t *spawn, pid_t *pid, const char **syscall_name) {
  int moved[MP_SPAWN_FDS];
  int count = 0;
  *syscall_name = "fcntl";
  if (spawn->fd_count > MP_SPAWN_FDS) return E2BIG;
  int error = MP_FAULT_ERRNO("spawn.beforeFork");
  for (; error == 0 && count < spawn->fd_count; count++) {
    moved[count] = fcntl(spawn->fds[count], F_DUPFD_CLOEXEC, spawn->fd_count); /* out of the way of the child's 0, 1, 2, … */
    if (moved[count] < 0) {
      error = errno;
      break;
    }
  }
  if (error == 0) {
    attempt_t attempt = {.spawn = spawn, .moved = moved};
    error = start(&attempt, pid);
    *syscall_name = attempt.syscall_name;
  }
  for (int i = 0; i < count; i++) close(moved[i]);
  return error;
}
