/* What /proc says of a process. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Whether /proc is there, and shows the processes by the numbers that they have for this one. */
bool mp_proc_is_ours(void);
/* A field of /proc/<pid>/stat from 4 on; the state's letter, 0 where there is no such process. */
char mp_process_stat(int pid, int field, uint64_t *value);
/* Its start time in clock ticks since boot; 0 where there is no such process. */
uint64_t mp_process_start_time(int pid);
