/* Sleeping and waking on a shared word; all clocks are monotonic. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef enum { MP_WOKEN = 0, MP_CHANGED = 1, MP_TIMED_OUT = 2, MP_INTERRUPTED = 3, MP_FUTEX_ERROR = 4 } mp_wait_result_t;

/* Sleeps while *word == expected, at most timeout_ms (negative: no limit). */
mp_wait_result_t mp_futex_wait(uint32_t *word, uint32_t expected, double timeout_ms);
/* How many were woken. */
int mp_futex_wake(uint32_t *word, int count);
/* Stores 0, or 1 << 31, in the word and wakes up to count that sleep there, in one system call: nobody can die in between.
 * How many were woken. */
int mp_futex_store_and_wake(uint32_t *word, uint32_t value, int count);
/* Looks at *word, awake, until it is no longer `expected` or time is over; whether it changed. */
bool mp_spin_while(const uint32_t *word, uint32_t expected, double limit_us);
double mp_now_ms(void);
