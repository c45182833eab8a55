/* Reading arguments and making results, the same way everywhere. */
#pragma once
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MP_MAX_ARGS 8

/* Reads up to `count` arguments; missing ones are undefined. */
void mp_args(napi_env env, napi_callback_info info, size_t count, napi_value *argv);
double mp_f64(napi_env env, napi_value value, double otherwise);
int32_t mp_i32(napi_env env, napi_value value, int32_t otherwise);
int64_t mp_i64(napi_env env, napi_value value, int64_t otherwise);
bool mp_bool(napi_env env, napi_value value);
/* A malloc'ed copy, or NULL where the value is no string. */
char *mp_string(napi_env env, napi_value value);
/* A malloc'ed NULL-terminated array of malloc'ed strings, or NULL. */
char **mp_strings(napi_env env, napi_value array);
void mp_free_strings(char **strings);

napi_value mp_number(napi_env env, double value);
napi_value mp_int(napi_env env, int32_t value);
napi_value mp_undefined(napi_env env);
/* { errno, syscall } */
napi_value mp_failure(napi_env env, int error, const char *syscall_name);
void mp_set(napi_env env, napi_value object, const char *name, napi_value value);
void mp_export(napi_env env, napi_value exports, const char *name, napi_callback callback);
