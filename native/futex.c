#include "futex.h"
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

double mp_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

mp_wait_result_t mp_futex_wait(uint32_t *word, uint32_t expected, double timeout_ms) {
  struct timespec limit, *relative = NULL; /* FUTEX_WAIT measures a relative limit on CLOCK_MONOTONIC */
  if (timeout_ms >= 0) {
    limit.tv_sec = (time_t)(timeout_ms / 1e3);
    limit.tv_nsec = (long)((timeout_ms - (double)limit.tv_sec * 1e3) * 1e6);
    relative = &limit;
  }
  if (syscall(SYS_futex, word, FUTEX_WAIT, expected, relative, NULL, 0) == 0) return MP_WOKEN;
  if (errno == EAGAIN) return MP_CHANGED;
  if (errno == ETIMEDOUT) return MP_TIMED_OUT;
  if (errno == EINTR) return MP_INTERRUPTED;
  return MP_FUTEX_ERROR;
}

int mp_futex_wake(uint32_t *word, int count) {
  long woken = syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
  return woken < 0 ? 0 : (int)woken;
}
