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
 * no owner: that covers a death between the unlocking store and the wake, and between being woken and taking. */
static void begin_operation(mp_guardian_t *guardian, uint32_t *word) {
  __atomic_store_n(&guardian->head.list_op_pending, node_of(guardian, word), __ATOMIC_SEQ_CST);
}

static void end_operation(mp_guardian_t *guardian) {
  __atomic_store_n(&guardian->head.list_op_pending, NULL, __ATOMIC_SEQ_CST);
}

static mp_lock_result_t acquire_slowly(mp_guardian_t *guardian, uint32_t *word, double timeout_ms, bool recover) {
  double deadline = timeout_ms < 0 ? 0 : mp_now_ms() + timeout_ms;
  uint32_t waiters = 0; /* after a sleep others may sleep too: keep the bit */
  for (;;) {
    uint32_t seen = __atomic_load_n(word, __ATOMIC_SEQ_CST);
    if ((seen & MP_LOCK_OWNER_MASK) == 0) {
      bool dead = (seen & MP_LOCK_OWNER_DIED) != 0;
      if (dead && !recover) {
        mp_futex_wake(word, INT_MAX); /* everyone is told, not only the one the kernel woke */
        return MP_LOCK_POISONED;
      }
      uint32_t taken = guardian->tid | waiters | (seen & MP_LOCK_WAITERS);
      if (!__atomic_compare_exchange_n(word, &seen, taken, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) continue;
      MP_FAULT("lock.afterCas");
      return dead ? MP_LOCK_TAKEN_FROM_DEAD : MP_LOCK_TAKEN;
    }
    if (timeout_ms == 0) return MP_LOCK_BUSY;
    double left = timeout_ms < 0 ? WAIT_SLICE_MS : deadline - mp_now_ms();
    /* One who gives up may have used up a wake meant for somebody who still sleeps: leave the bit for the owner. */
    if (left <= 0 && waiters == 0) return MP_LOCK_TIMED_OUT;
    uint32_t waited = seen | MP_LOCK_WAITERS;
    if (seen != waited && !__atomic_compare_exchange_n(word, &seen, waited, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) continue;
    if (left <= 0) return MP_LOCK_TIMED_OUT;
    mp_futex_wait(word, waited, left < WAIT_SLICE_MS ? left : WAIT_SLICE_MS);
    waiters = MP_LOCK_WAITERS;
    MP_FAULT("waiter.afterWake");
  }
}

mp_lock_result_t mp_lock_acquire(mp_guardian_t *guardian, uint32_t *word, double timeout_ms, bool recover) {
  begin_operation(guardian, word);
  mp_lock_result_t result = acquire_slowly(guardian, word, timeout_ms, recover);
  end_operation(guardian);
  return result;
}

int mp_lock_release(mp_guardian_t *guardian, uint32_t *word) {
  uint32_t seen = __atomic_load_n(word, __ATOMIC_SEQ_CST);
  if ((seen & MP_LOCK_OWNER_MASK) != guardian->tid) return EPERM;
  begin_operation(guardian, word);
  uint32_t before = __atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST);
  MP_FAULT("lock.beforeWake");
  if ((before & MP_LOCK_WAITERS) != 0) mp_futex_wake(word, 1);
  end_operation(guardian);
  return 0;
}
