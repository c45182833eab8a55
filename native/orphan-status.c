#include "orphan-status.h"
#include "children.h"
#include "process-stat.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#define ORPHAN_LOOKS 100
#define ORPHAN_PAUSE_NS 1000000

/* As linux/pidfd.h has it since 6.13; the exit status, also of a process that others reaped, since 6.15. */
typedef struct {
  uint64_t mask, cgroup_id;
  uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  int32_t exit_code;
} pidfd_info_t;
#define PIDFD_INFO_EXIT_BIT (1ull << 3)
#define PIDFD_GET_INFO_CALL _IOWR(0xFF, 11, pidfd_info_t)

static int decoded(int wait_status) {
  return WIFSIGNALED(wait_status) ? -WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int mp_orphan_status(pid_t pid, int pidfd) {
  struct timespec pause = {0, ORPHAN_PAUSE_NS};
  siginfo_t info;
  bool ended_with_0 = false;
  for (int look = 0; look < ORPHAN_LOOKS; look++) {
    memset(&info, 0, sizeof(info));
    if (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0)
      return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
    pidfd_info_t kernel = {.mask = PIDFD_INFO_EXIT_BIT};
    if (ioctl(pidfd, PIDFD_GET_INFO_CALL, &kernel) == 0 && (kernel.mask & PIDFD_INFO_EXIT_BIT) != 0) return decoded(kernel.exit_code);
    uint64_t zombie; /* an older kernel says it as long as nobody has reaped it */
    bool is_zombie = mp_process_stat(pid, 52, &zombie) == 'Z';
    if (is_zombie && zombie != 0) return decoded((int)zombie);
    ended_with_0 = is_zombie; /* or what it ended with is not for us to see: then who reaps it lets us know above */
    nanosleep(&pause, NULL);
  }
  return ended_with_0 ? 0 : MP_STATUS_UNKNOWN;
}
