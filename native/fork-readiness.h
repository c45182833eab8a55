/* What a fork server sees to before it forks: that the child gets all memory, and that no other thread is in the middle
 * of something. Runs in fork servers; no JavaScript runs there any more. */
#pragma once
#include <stdbool.h>

#define MP_FORK_THREADS 32

/* The other threads of this process, as files of the kernel's; threads neither begin nor end while a server serves. */
typedef struct {
  int count;
  int stat[MP_FORK_THREADS];
} mp_threads_t;

/* 0 or an errno. */
int mp_include_all_memory(void);
/* 0 or an errno. */
int mp_threads_open(mp_threads_t *threads);
void mp_threads_close(mp_threads_t *threads);
/* Waits until every one of them sleeps; false: they do not, for a second. */
bool mp_threads_quiet(const mp_threads_t *threads);
