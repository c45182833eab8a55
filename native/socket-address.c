#include "socket-address.h"
#include "napi-helpers.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* A path (which the kernel's 108 bytes must hold whole; one that begins with NUL is a name in no folder). */
static int unix_address(napi_env env, napi_value path, mp_address_t *address) {
  struct sockaddr_un *local = (struct sockaddr_un *)(void *)&address->storage;
  size_t length;
  char text[sizeof(local->sun_path) + 8];
  if (napi_get_value_string_utf8(env, path, NULL, 0, &length) != napi_ok || length == 0) return EINVAL;
  if (length >= sizeof(local->sun_path)) return ENAMETOOLONG;
  napi_get_value_string_utf8(env, path, text, sizeof(text), &length);
  if (text[0] != '\0' && memchr(text, '\0', length) != NULL) return EINVAL;
  memset(local, 0, sizeof(*local));
  local->sun_family = AF_UNIX;
  memcpy(local->sun_path, text, length);
  address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (text[0] == '\0' ? 0 : 1));
  return 0;
}

/* A numeric address and a port. */
static int internet_address(napi_env env, napi_value host, int port, mp_address_t *address) {
  char text[INET6_ADDRSTRLEN + 64], service[16];
  size_t length;
  if (napi_get_value_string_utf8(env, host, text, sizeof(text), &length) != napi_ok || length + 1 >= sizeof(text)) return EINVAL;
  snprintf(service, sizeof(service), "%d", port);
  struct addrinfo hints, *found;
  memset(&hints, 0, sizeof(hints));
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(text, service, &hints, &found) != 0) return EINVAL;
  memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
  address->length = found->ai_addrlen;
  freeaddrinfo(found);
  return 0;
}

int mp_address_of(napi_env env, napi_value place, napi_value port, mp_address_t *address) {
  int number = mp_i32(env, port, -1);
  return number < 0 ? unix_address(env, place, address) : internet_address(env, place, number, address);
}

napi_value mp_address_object(napi_env env, const mp_address_t *address) {
  napi_value object, text;
  napi_create_object(env, &object);
  if (address->storage.ss_family == AF_UNIX) {
    const struct sockaddr_un *local = (const struct sockaddr_un *)(const void *)&address->storage;
    size_t bytes = address->length > offsetof(struct sockaddr_un, sun_path) ? address->length - offsetof(struct sockaddr_un, sun_path) : 0;
    if (bytes > 0 && local->sun_path[0] != '\0') bytes = strnlen(local->sun_path, bytes);
    napi_create_string_utf8(env, local->sun_path, bytes, &text);
    mp_set(env, object, "path", text);
    return object;
  }
  char host[NI_MAXHOST], service[NI_MAXSERV];
  if (getnameinfo((const struct sockaddr *)&address->storage, address->length, host, sizeof(host), service, sizeof(service), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return mp_failure(env, EAFNOSUPPORT, "getnameinfo");
  napi_create_string_utf8(env, host, NAPI_AUTO_LENGTH, &text);
  mp_set(env, object, "host", text);
  mp_set(env, object, "port", mp_int(env, (int32_t)strtol(service, NULL, 10)));
  return object;
}
