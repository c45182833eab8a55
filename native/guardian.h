/* Guardians: native threads that own locks on behalf of a JavaScript thread.
 *
 * A guardian does nothing but live. The kernel's robust list of its thread contains, for ever, every lock
 * word that its JavaScript thread may take; the word holds the guardian's thread id while the lock is held.
 * When the thread ends, however it ends, the kernel marks each word it still owns and wakes a waiter.
 *
 * The list's nodes are private memory at a constant distance from the shared words (a twin of the arena's
 * address range), because the kernel finds the word at node + futex_offset. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* The kernel walks 2048 entries at most; a few are left free for the pending operation. */
#define MP_GUARDIAN_CAPACITY 2000

typedef struct mp_guardian mp_guardian_t;

typedef enum {
  MP_LOCK_TAKEN = 0,
  MP_LOCK_TAKEN_FROM_DEAD = 1, /* only with recover */
  MP_LOCK_TIMED_OUT = 2,
  MP_LOCK_POISONED = 3,
  MP_LOCK_BUSY = 4,       /* only with a zero timeout */
  MP_LOCK_STAND_BACK = 5 /* the same, for newcomers: it is free, but others have waited for long */
} mp_lock_result_t;

/* NULL with errno set when no thread or address range can be had. */
mp_guardian_t *mp_guardian_start(void);
uint32_t mp_guardian_tid(const mp_guardian_t *guardian);
int mp_guardian_count(const mp_guardian_t *guardian);
/* Lists a lock word; 0, ENOSPC when full, or ENOMEM. */
int mp_guardian_add(mp_guardian_t *guardian, uint32_t *word);
void mp_guardian_remove(mp_guardian_t *guardian, uint32_t *word);
/* Ends the thread: whatever it still owns is marked by the kernel. */
void mp_guardian_stop(mp_guardian_t *guardian);

/* A newcomer lets those go first who have waited for long. */
mp_lock_result_t mp_lock_acquire(mp_guardian_t *guardian, uint32_t *word, double timeout_ms, bool recover, bool newcomer);
/* 0, or EPERM when this guardian does not own the lock. */
int mp_lock_release(mp_guardian_t *guardian, uint32_t *word);
