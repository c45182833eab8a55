#include "guardian.h"
#include "arena.h"
#include "fault.h"
#include "futex.h"
#include "layout.h"
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NODES_PER_LINE 8 /* a lock has a 64-byte line, a node 8 bytes: eight guardians share one twin */
#define PAGE 4096
/* Waits are sliced so that no lost wake-up, whatever its cause, lasts. The test build has no such net: there a
 * stranded waiter shows. */
#ifdef MULTIPROC_FAULTS
#define WAIT_SLICE_MS 60000
#else
#define WAIT_SLICE_MS 100
#endif
#define START_SLICE_MS 100
/* Who has waited for so long asks for a turn: newcomers stand back. It lasts as long as the wait did, but not less than: */
#define PATIENCE_MS 1
#define SHORTEST_TURN_MS 10
/* A lock is mostly held for less than a sleep takes. Its holder is not to be slowed down by those who look, hence so seldom. */
#define LOOKS 3
#define LOOK_EVERY_US 4
/* Who was woken and finds that the same owner has it again leaves it alone for a while, twice as long each time: that owner comes
 * back to it all the time, and every mark costs it two system calls. Nobody counts on who naps: it is as if it came later. */
#define FIRST_NAP_MS 0.1
/* So long does a newcomer stand back at most, should nobody take the lock. */
#define STAND_BACK_MS 10

typedef struct {
  uint8_t *base; /* NULL: not mapped yet */
  uint8_t used;  /* bit k: some guardian uses node k of each line */
} twin_t;

struct mp_guardian {
  struct robust_list_head head;
  pthread_t thread;
  uint32_t tid;  /* 0 until the thread has published its list */
  uint32_t stop; /* futex word */
  int count;
  twin_t *twin;
  int node;
};

#define MAX_TWINS 64
static twin_t twins[MAX_TWINS];
static pthread_mutex_t twins_mutex = PTHREAD_MUTEX_INITIALIZER;

static void *guard(void *argument) {
  mp_guardian_t *guardian = argument;
  syscall(SYS_set_robust_list, &guardian->head, sizeof(guardian->head));
  __atomic_store_n(&guardian->tid, (uint32_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
  mp_futex_wake(&guardian->tid, INT_MAX);
  while (__atomic_load_n(&guardian->stop, __ATOMIC_ACQUIRE) == 0) mp_futex_wait(&guardian->stop, 0, -1);
  return NULL;
}

/* Finds a twin with a free node column; maps one (address space only) where none is left. */
static int take_column(mp_guardian_t *guardian) {
  int error = ENOSPC;
  pthread_mutex_lock(&twins_mutex);
  for (int i = 0; i < MAX_TWINS && error == ENOSPC; i++) {
    twin_t *twin = &twins[i];
    if (twin->used == 0xff) continue;
    if (twin->base == NULL) {
      void *base = mmap(NULL, mp_arena()->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (base == MAP_FAILED) {
        error = errno;
        break;
      }
      madvise(base, mp_arena()->size, MADV_DONTDUMP);
      twin->base = base;
    }
    for (int k = 0; k < NODES_PER_LINE; k++) {
      if ((twin->used & (1 << k)) != 0) continue;
      twin->used |= (uint8_t)(1 << k);
      guardian->twin = twin;
      guardian->node = k;
      error = 0;
      break;
    }
  }
  pthread_mutex_unlock(&twins_mutex);
  return error;
}

static void give_column(mp_guardian_t *guardian) {
  pthread_mutex_lock(&twins_mutex);
  guardian->twin->used &= (uint8_t) ~(1 << guardian->node);
  pthread_mutex_unlock(&twins_mutex);
}

static struct robust_list *node_of(const mp_guardian_t *guardian, const uint32_t *word) {
  size_t at = (size_t)((const uint8_t *)word - mp_arena()->base);
  return (struct robust_list *)(void *)(guardian->twin->base + at + (size_t)guardian->node * 8);
}

mp_guardian_t *mp_guardian_start(void) {
  mp_guardian_t *guardian = calloc(1, sizeof(*guardian));
  if (guardian == NULL) return NULL;
  int error = take_column(guardian);
  if (error == 0) {
    guardian->head.list.next = &guardian->head.list;
    /* word = node + futex_offset */
    guardian->head.futex_offset = (long)(mp_arena()->base - guardian->twin->base) - (long)guardian->node * 8;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 * 1024);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&guardian->thread, &attributes, guard, guardian);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error != 0) give_column(guardian);
  }
  if (error != 0) {
    free(guardian);
    errno = error;
    return NULL;
  }
  while (__atomic_load_n(&guardian->tid, __ATOMIC_ACQUIRE) == 0) mp_futex_wait(&guardian->tid, 0, START_SLICE_MS);
  return guardian;
}

uint32_t mp_guardian_tid(const mp_guardian_t *guardian) { return guardian->tid; }
int mp_guardian_count(const mp_guardian_t *guardian) { return guardian->count; }

int mp_guardian_add(mp_guardian_t *guardian, uint32_t *word) {
  if (guardian->count >= MP_GUARDIAN_CAPACITY) return ENOSPC;
  struct robust_list *node = node_of(guardian, word);
  void *page = (void *)((uintptr_t)node & ~(uintptr_t)(PAGE - 1));
  if (mprotect(page, PAGE, PROT_READ | PROT_WRITE) != 0) return ENOMEM;
  /* The kernel may walk the list between any two instructions: the node is whole before it is reachable. */
  node->next = guardian->head.list.next;
  __atomic_store_n(&guardian->head.list.next, node, __ATOMIC_RELEASE);
  guardian->count++;
  return 0;
}

void mp_guardian_remove(mp_guardian_t *guardian, uint32_t *word) {
  struct robust_list *node = node_of(guardian, word);
  struct robust_list *before = &guardian->head.list;
  while (before->next != node) {
    if (before->next == &guardian->head.list) return;
    before = before->next;
  }
  __atomic_store_n(&before->next, node->next, __ATOMIC_RELEASE);
  guardian->count--;
}

void mp_guardian_stop(mp_guardian_t *guardian) {
  __atomic_store_n(&guardian->stop, 1, __ATOMIC_RELEASE);
  mp_futex_wake(&guardian->stop, INT_MAX);
  pthread_join(guardian->thread, NULL);
  give_column(guardian);
  free(guardian);
}

/* While an operation is pending, the kernel wakes one waiter of its word if this process dies and the word has
 * no owner: that covers a death between being woken and taking. */
static void begin_operation(mp_guardian_t *guardian, uint32_t *word) {
  __atomic_store_n(&guardian->head.list_op_pending, node_of(guardian, word), __ATOMIC_SEQ_CST);
}

static void end_operation(mp_guardian_t *guardian) {
  __atomic_store_n(&guardian->head.list_op_pending, NULL, __ATOMIC_SEQ_CST);
}

/* Milliseconds as they are stored in a word: 0 is no time. */
static uint32_t stamp(double ms) { return (uint32_t)(uint64_t)ms | 1; }

static bool is_ahead(uint32_t *turn, double now_ms) {
  uint32_t until = __atomic_load_n(turn, __ATOMIC_SEQ_CST);
  if (until == 0) return false;
  if ((int32_t)(until - stamp(now_ms)) > 0) return true;
  __atomic_store_n(turn, 0, __ATOMIC_SEQ_CST);
  return false;
}

static bool is_turn_of_others(uint32_t *word) {
  if ((__atomic_load_n(&word[MP_LOCK_TURN], __ATOMIC_SEQ_CST) | __atomic_load_n(&word[MP_LOCK_LOOP_TURN], __ATOMIC_SEQ_CST)) == 0)
    return false;
  double now_ms = mp_now_ms();
  bool is_threads = is_ahead(&word[MP_LOCK_TURN], now_ms);
  return is_ahead(&word[MP_LOCK_LOOP_TURN], now_ms) || is_threads;
}

static double at_most(double ms, double most) { return ms < most ? ms : most; }

static void sleep_on(uint32_t *word, uint32_t expected, double ms) {
  __atomic_store_n(&word[MP_LOCK_CROWD], 1, __ATOMIC_SEQ_CST);
  MP_FAULT("lock.beforeSleep");
  mp_futex_wait(word, expected, ms);
  MP_FAULT("waiter.afterWake");
}

/* Whether it was given up within some microseconds. */
static bool is_free_soon(const uint32_t *word) {
  for (int i = 0; i < LOOKS && mp_relax(LOOK_EVERY_US); i++) {
    if ((__atomic_load_n(word, __ATOMIC_SEQ_CST) & MP_LOCK_OWNER_MASK) == 0) return true;
  }
  return false;
}

static void nap(double ms) {
  if (ms > 0) nanosleep(&(struct timespec){0, (long)(ms * 1e6)}, NULL);
}

static mp_lock_result_t acquire_slowly(mp_guardian_t *guardian, uint32_t *word, double timeout_ms, bool recover, bool newcomer) {
  double begun = 0; /* 0: has not waited yet */
  double nap_ms = FIRST_NAP_MS;
  uint32_t owner = 0; /* whom the last sleep was for */
  bool has_asked = false;
  for (;;) {
    uint32_t seen = __atomic_load_n(word, __ATOMIC_SEQ_CST);
    double waited = begun > 0 ? mp_now_ms() - begun : 0;
    double left = timeout_ms < 0 ? WAIT_SLICE_MS : timeout_ms - waited;
    if ((seen & MP_LOCK_OWNER_MASK) == 0) {
      bool dead = (seen & MP_LOCK_OWNER_DIED) != 0;
      if (dead && !recover) {
        mp_futex_wake(word, INT_MAX); /* everyone is told, not only the one the kernel woke */
        return MP_LOCK_POISONED;
      }
      if (newcomer && seen == MP_LOCK_WAITERS && is_turn_of_others(word)) {
        if (timeout_ms == 0) return MP_LOCK_STAND_BACK;
        if (begun <= 0) begun = mp_now_ms();
        sleep_on(word, seen, at_most(left, STAND_BACK_MS));
        newcomer = false;
        continue;
      }
      MP_FAULT("lock.beforeCas");
      uint32_t taken = guardian->tid | (seen & MP_LOCK_WAITERS);
      if (!__atomic_compare_exchange_n(word, &seen, taken, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) continue;
      MP_FAULT("lock.afterCas");
      /* Else the one that gave way would be let go first in its turn, and so on: all would sleep once for each time. Who has
       * waited for long, too, asks again when it is woken. */
      if (has_asked) __atomic_store_n(&word[MP_LOCK_TURN], 0, __ATOMIC_SEQ_CST);
      return dead ? MP_LOCK_TAKEN_FROM_DEAD : MP_LOCK_TAKEN;
    }
    if (timeout_ms == 0) return MP_LOCK_BUSY;
    if (left <= 0) return MP_LOCK_TIMED_OUT;
    if (begun <= 0) {
      begun = mp_now_ms();
      if (is_free_soon(word)) continue;
    }
    if ((seen & MP_LOCK_OWNER_MASK) == owner && waited < PATIENCE_MS) {
      nap(at_most(left, nap_ms));
      nap_ms *= 2;
      continue;
    }
    if (waited > PATIENCE_MS) {
      double turn = mp_now_ms() + (waited > SHORTEST_TURN_MS ? waited : SHORTEST_TURN_MS);
      __atomic_store_n(&word[MP_LOCK_TURN], stamp(turn), __ATOMIC_SEQ_CST);
      has_asked = true;
    }
    uint32_t marked = seen | MP_LOCK_WAITERS;
    if (seen != marked && !__atomic_compare_exchange_n(word, &seen, marked, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) continue;
    sleep_on(word, marked, at_most(left, WAIT_SLICE_MS));
    newcomer = false;
    owner = marked & MP_LOCK_OWNER_MASK;
  }
}

mp_lock_result_t mp_lock_acquire(mp_guardian_t *guardian, uint32_t *word, double timeout_ms, bool recover, bool newcomer) {
  begin_operation(guardian, word);
  mp_lock_result_t result = acquire_slowly(guardian, word, timeout_ms, recover, newcomer);
  end_operation(guardian);
  return result;
}

/* WAITERS is taken away only with all who sleep: who sleeps has it in the word, so nobody takes the word without it. */
int mp_lock_release(mp_guardian_t *guardian, uint32_t *word) {
  uint32_t seen = __atomic_load_n(word, __ATOMIC_SEQ_CST);
  if ((seen & MP_LOCK_OWNER_MASK) != guardian->tid) return EPERM;
  begin_operation(guardian, word);
  bool keep = __atomic_load_n(&word[MP_LOCK_CROWD], __ATOMIC_SEQ_CST) != 0 || is_turn_of_others(word);
  MP_FAULT("lock.beforeRelease");
  int woken = mp_futex_store_and_wake(word, keep ? MP_LOCK_WAITERS : 0, keep ? 1 : INT_MAX);
  MP_FAULT("lock.afterRelease");
  if (keep && woken == 0) {
    __atomic_store_n(&word[MP_LOCK_CROWD], 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&word[MP_LOCK_TURN], 0, __ATOMIC_SEQ_CST);
  }
  end_operation(guardian);
  return 0;
}
