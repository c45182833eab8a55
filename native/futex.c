#include "futex.h"
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SPINS_PER_LOOK 16 /* at the clock, about half a microsecond */
#define RELAXES_PER_US 40 /* or so */

#define MOST_SPIN_US 100 /* a sleep, a wake, and an answer by code that is not warm: longer would cost more than it can save */
#define LEAST_SPIN_US 10
#define NEAR_US 200 /* a wait with a sleep in it that took no longer would have been over within MOST_SPIN_US, or nearly so */
#define MOST_PENALTY 1024

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

int mp_futex_store_and_wake(uint32_t *word, uint32_t value, int count) {
  /* oldval = *word; *word = 0 or 1 << 31; wake count; then wake more if oldval was -1, which it is not. */
  int operation = value == 0 ? FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, -1)
                             : FUTEX_OP((FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT), 31, FUTEX_OP_CMP_EQ, -1);
  long woken = syscall(SYS_futex, word, FUTEX_WAKE_OP, count, NULL, word, operation);
  if (woken >= 0) return (int)woken;
  __atomic_store_n(word, value, __ATOMIC_SEQ_CST); /* a kernel without it: in two steps */
  return mp_futex_wake(word, count);
}

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static int usable_cpus(void) {
  static int known; /* 0: not asked yet */
  int count = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (count != 0) return count;
  cpu_set_t set;
  count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 2;
  __atomic_store_n(&known, count, __ATOMIC_RELAXED);
  return count;
}

bool mp_relax(double us) {
  if (usable_cpus() < 2) return false;
  for (int i = 0; i < us * RELAXES_PER_US; i++) relax();
  return true;
}

bool mp_spin_while(const uint32_t *word, uint32_t expected, double limit_us) {
  if (usable_cpus() < 2) return false; /* nobody can change it while we look */
  double deadline = mp_now_ms() + limit_us / 1e3;
  do {
    for (int i = 0; i < SPINS_PER_LOOK; i++) {
      if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected) return true;
      relax();
    }
    sched_yield(); /* whoever is to change it may be waiting for this very CPU */
  } while (mp_now_ms() < deadline);
  return false;
}

static int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }

void mp_spin_learn(int32_t words[MP_SPIN_WORDS], double waited_us) {
  if (usable_cpus() < 2) return;
  int32_t *us = &words[0], *penalty = &words[1], *standing_back = &words[2];
  if (waited_us > NEAR_US) { /* of no use this time */
    *us = *us > LEAST_SPIN_US ? *us / 2 : 0;
  } else if (waited_us <= *us) {
    *penalty /= 2;
  } else if (*standing_back > 0) {
    *standing_back -= 1;
  } else if (*us >= MOST_SPIN_US) { /* just missed, and again and again: that costs most of all */
    *penalty = *standing_back = least(MOST_PENALTY, *penalty * 2 + 8);
    *us = 0;
  } else {
    *us = *us == 0 ? LEAST_SPIN_US : least(MOST_SPIN_US, *us * 2);
  }
}
