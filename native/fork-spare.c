#include "fork-spare.h"
#include "fault.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the main thread; 16 bytes are what the kernel has. */
static char usual_name[16];

pid_t mp_spare_fork(mp_spare_t *spare) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  pid_t pid = fork();
  int error = errno;
  close(ends[pid == 0 ? 0 : 1]);
  if (pid < 0) {
    close(ends[0]);
    errno = error;
    return -1;
  }
  *spare = (mp_spare_t){pid, ends[pid == 0 ? 1 : 0]};
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGCONT);
    prctl(PR_GET_NAME, usual_name);
    prctl(PR_SET_NAME, "mp-spare"); /* who looks at the system's processes shall know what it is */
  }
  return pid;
}

bool mp_spare_ended(mp_spare_t *spare) {
  if (spare->pid == 0 || waitpid(spare->pid, NULL, WNOHANG) == 0) return false;
  close(spare->socket);
  spare->pid = 0;
  return true;
}

void mp_spare_give(mp_spare_t *spare, const mp_order_t *order) {
  MP_FAULT("forkserver.beforeOrder");
  mp_order_send(spare->socket, order); /* where it is dead this fails, and its parent is told of the death */
  close(spare->socket);
  spare->pid = 0;
}

int mp_spare_take(mp_order_t *order) {
  if (usual_name[0] != '\0') prctl(PR_SET_NAME, usual_name);
  prctl(PR_SET_PDEATHSIG, 0); /* not of the server: the parent is watched */
  return mp_order_take(order);
}

void mp_spare_discard(mp_spare_t *spare) {
  if (spare->pid == 0) return;
  kill(spare->pid, SIGKILL);
  waitpid(spare->pid, NULL, 0);
  close(spare->socket);
  spare->pid = 0;
}
