/* Where sockets are: a path, or a numeric host and a port; as TypeScript says it and as the kernel does. */
#pragma once
#include <node_api.h>
#include <sys/socket.h>

typedef struct {
  struct sockaddr_storage storage;
  socklen_t length;
} mp_address_t;

/* Port -1: the place is a path. 0, or an errno. */
int mp_address_of(napi_env env, napi_value place, napi_value port, mp_address_t *address);
/* { host, port } | { path } | failure */
napi_value mp_address_object(napi_env env, const mp_address_t *address);
