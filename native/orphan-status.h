/* What a process died of that is nobody's child here. */
#pragma once
#include <sys/types.h>

/* The status of a dead process whose parent is dead: this process has it now (as pid 1 of a container), or somebody reaps it
 * soon. An exit code, a negative signal, or MP_STATUS_UNKNOWN if nobody says it within a tenth of a second. */
int mp_orphan_status(pid_t pid, int pidfd);
