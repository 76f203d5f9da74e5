// The kernels for x86-64 with avx512.
#if defined(__x86_64__)
#include <math.h>
#include <string.h>
#pragma clang fp contract(fast)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)
#define NAME(x) st_avx512_##x
#define ISA "avx512"
#define LANES 16
#include "kernels.h"
#pragma clang attribute pop
#endif
