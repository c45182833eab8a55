#include "napi-helpers.h"
#include <stdlib.h>

void mp_args(napi_env env, napi_callback_info info, size_t count, napi_value *argv) {
  size_t given = count;
  napi_get_cb_info(env, info, &given, argv, NULL, NULL);
}

double mp_f64(napi_env env, napi_value value, double otherwise) {
  double result;
  return napi_get_value_double(env, value, &result) == napi_ok ? result : otherwise;
}

int32_t mp_i32(napi_env env, napi_value value, int32_t otherwise) {
  int32_t result;
  return napi_get_value_int32(env, value, &result) == napi_ok ? result : otherwise;
}

int64_t mp_i64(napi_env env, napi_value value, int64_t otherwise) {
  int64_t result;
  return napi_get_value_int64(env, value, &result) == napi_ok ? result : otherwise;
}

bool mp_bool(napi_env env, napi_value value) {
  bool result = false;
  return napi_get_value_bool(env, value, &result) == napi_ok && result;
}

char *mp_string(napi_env env, napi_value value) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return NULL;
  char *text = malloc(length + 1);
  if (text == NULL) return NULL;
  if (napi_get_value_string_utf8(env, value, text, length + 1, &length) != napi_ok) {
    free(text);
    return NULL;
  }
  return text;
}

char **mp_strings(napi_env env, napi_value array) {
  uint32_t count;
  if (napi_get_array_length(env, array, &count) != napi_ok) return NULL;
  char **strings = calloc((size_t)count + 1, sizeof(char *));
  if (strings == NULL) return NULL;
  for (uint32_t i = 0; i < count; i++) {
    napi_value item;
    if (napi_get_element(env, array, i, &item) != napi_ok || (strings[i] = mp_string(env, item)) == NULL) {
      mp_free_strings(strings);
      return NULL;
    }
  }
  return strings;
}

void mp_free_strings(char **strings) {
  if (strings == NULL) return;
  for (char **each = strings; *each != NULL; each++) free(*each);
  free(strings);
}

napi_value mp_number(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

napi_value mp_int(napi_env env, int32_t value) {
  napi_value result;
  napi_create_int32(env, value, &result);
  return result;
}

napi_value mp_undefined(napi_env env) {
  napi_value result;
  napi_get_undefined(env, &result);
  return result;
}

napi_value mp_failure(napi_env env, int error, const char *syscall_name) {
  napi_value object, name;
  napi_create_object(env, &object);
  mp_set(env, object, "errno", mp_int(env, error));
  napi_create_string_utf8(env, syscall_name, NAPI_AUTO_LENGTH, &name);
  mp_set(env, object, "syscall", name);
  return object;
}

void mp_set(napi_env env, napi_value object, const char *name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

void mp_export(napi_env env, napi_value exports, const char *name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function);
  mp_set(env, exports, name, function);
}
