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
/* Looks at *word, awake, until it is no longer `expected` or time is over; whether it changed. Gives way to threads that wait for
 * this CPU: one of them may be the one to change it. */
bool mp_spin_while(const uint32_t *word, uint32_t expected, double limit_us);
/* Stays awake for about so long, using little of the CPU. False: there is one CPU only, nothing is to be waited for awake. */
bool mp_relax(double us);
/* How long to look awake before a sleep, learnt from how long the last waits took. Words: microseconds, 0 if it does not pay;
 * how often it will stand back after the next failure; how often it still does. All 0 at the beginning, and for ever where there is one CPU
 * only. */
#define MP_SPIN_WORDS 3
void mp_spin_learn(int32_t words[MP_SPIN_WORDS], double waited_us);
double mp_now_ms(void);
