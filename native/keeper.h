/* Descriptors that one member of the family has given and another one will take: sockets that are sent.
 *
 * They are in the hands of a native thread of the family's first process, which starts when the first one is given and
 * lives as long as the process, so who gives one may end at once. It is reached by a datagram socket that has no name: its
 * file is gone as soon as it is bound, and others find it among the descriptors of the first process, as they find
 * doorbells. That takes the rights to look into that process, which are those of its user.
 *
 * A descriptor is known by a token, the place of a shared object, and is dropped when that is freed: by its last holder, or
 * by whoever finds that one dead. Requests are handled in the order in which they were sent, whoever sent them; so a token
 * may be used again at once.
 *
 * Who may die at which step: the giver, before it has sent: the descriptor goes with it; afterwards: it is kept until the
 * object is freed. The taker, before it has the answer: the answer's descriptor is closed by the kernel, the kept one stays.
 * The first process: the kernel closes them all, and the family ends. */
#pragma once
#include <node_api.h>

/* Starts the thread, in the first process of a family only; 0 or an errno. Called by its own threads, or for another
 * process by its supervisor. */
int mp_keeper_start(void);

void mp_keeper_exports(napi_env env, napi_value exports);
