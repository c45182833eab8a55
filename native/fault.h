/* Named injection points, compiled only into the test build: MULTIPROC_FAULT=lock.afterCas:kill@3 */
#pragma once
#ifdef MULTIPROC_FAULTS
int mp_fault(const char *point); /* 0, or the errno to pretend */
#define MP_FAULT(point) ((void)mp_fault(point))
#define MP_FAULT_ERRNO(point) mp_fault(point)
#else
#define MP_FAULT(point) ((void)0)
#define MP_FAULT_ERRNO(point) 0
#endif
