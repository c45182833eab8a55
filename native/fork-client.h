/* A parent's end of a fork server: what it asks for, and what its children died of. */
#pragma once
#include "env.h"
#include <node_api.h>
#include <sys/types.h>

typedef struct mp_fork_client mp_fork_client_t;

/* The status of a dead child, and lets the kernel forget it. Asks the server; if that is gone or silent (it is killed
 * then), the kernel. MP_STATUS_UNKNOWN if nobody knows. Called by the supervisor, with the child's pidfd readable. */
int mp_fork_status(mp_fork_client_t *client, pid_t pid, int pidfd);
/* One user less. */
void mp_fork_client_release(mp_fork_client_t *client);

/* Lets go of the servers of a thread that ends. */
void mp_fork_clients_end(const mp_env_t *owner);

void mp_fork_client_exports(napi_env env, napi_value exports);
