#include "certificates.h"
#include "napi-helpers.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* void node::crypto::UseExtraCaCerts(const std::string&), which node 20 calls at its start and newer ones at the first
 * use of the certificates, with another signature. */
#define USE_EXTRA_CERTIFICATES "_ZN4node6crypto15UseExtraCaCertsERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"

/* A std::string of that name's ABI, whose text is elsewhere. */
typedef struct {
  const char *text;
  size_t length;
  size_t capacity;
  size_t unused;
} string_t;

typedef void (*use_t)(const string_t *file);

/* extraCertificates(path | null) -> 0, or ENOSYS: this node cannot be asked. Without a path it only says that. */
static napi_value extra_certificates(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  use_t use = (use_t)dlsym(RTLD_DEFAULT, USE_EXTRA_CERTIFICATES);
  if (use == NULL) return mp_int(env, ENOSYS);
  char *path = mp_string(env, argv[0]);
  if (path != NULL) {
    string_t file = {path, strlen(path), strlen(path), 0};
    use(&file);
    free(path);
  }
  return mp_int(env, 0);
}

void mp_certificates_exports(napi_env env, napi_value exports) {
  mp_export(env, exports, "extraCertificates", extra_certificates);
}
