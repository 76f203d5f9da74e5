// The kernels for x86-64 with avx2.
#if defined(__x86_64__)
#include <math.h>
#include <string.h>
#pragma clang fp contract(fast)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NAME(x) st_avx2_##x
#define ISA "avx2"
#define LANES 8
#include "kernels.h"
#pragma clang attribute pop
#endif
