// The kernels for x86-64 with AVX-VNNI (Alder Lake, Zen 5 and later): dot products of bytes, 256 bits.
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,avxvnni"))), apply_to = function)
#define NAME(x) sk_avxvnni_##x
#define BYTES __m256i
#define WEIGHTS __m256i
#define MOST_PIXELS 12
#define CASES_ONE CASES_12
#define CASES_TWO CASES_6

static inline __attribute__((always_inline)) __m256i NAME(weights)(__m256i w) { return w; }
static inline __attribute__((always_inline)) __m256i NAME(bytes)(__m256i a) { return a; }
static inline __attribute__((always_inline)) __m256i NAME(dot)(__m256i acc, __m256i a, __m256i w) {
    return _mm256_dpbusd_avx_epi32(acc, a, w);
}

#define ANEW(x) __asm__ volatile("" : "+x"(x))
#define DEPTHWISE_3X3 "depthwise3x3x256.h"
#include "isa256.h"

const SKKernels sk_avxvnni_table = TABLE("avxvnni");
#pragma clang attribute pop
#endif
