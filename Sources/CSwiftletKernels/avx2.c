// The kernels for x86-64 with AVX2. `vpmaddubsw` saturates, so bytes are widened to words and go through `vpmaddwd`: even and odd
// bytes of each quad apart, which costs two shifts a vector of weights and no shuffle.
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NAME(x) sk_avx2_##x
#define BYTES sk_avx2_Words
#define WEIGHTS sk_avx2_Words
#define MOST_PIXELS 8
#define CASES_ONE CASES_8
#define CASES_TWO CASES_4

typedef struct {
    __m256i even, odd;
} sk_avx2_Words;

static inline __attribute__((always_inline)) sk_avx2_Words NAME(weights)(__m256i w) {
    return (sk_avx2_Words){_mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8), _mm256_srai_epi16(w, 8)};
}
static inline __attribute__((always_inline)) sk_avx2_Words NAME(bytes)(__m256i a) {
    return (sk_avx2_Words){_mm256_and_si256(a, _mm256_set1_epi16(0xFF)), _mm256_srli_epi16(a, 8)};
}
static inline __attribute__((always_inline)) __m256i NAME(dot)(__m256i acc, sk_avx2_Words a, sk_avx2_Words w) {
    __m256i sum = _mm256_add_epi32(_mm256_madd_epi16(a.even, w.even), _mm256_madd_epi16(a.odd, w.odd));
    return _mm256_add_epi32(acc, sum);
}

#define ANEW(x) __asm__ volatile("" : "+x"(x.even), "+x"(x.odd))
// Four quads at once: 1.02 to 1.08 times as fast (MobileNetV1, ResNet-18); nothing with AVX-VNNI.
#define QUADS_AT_ONCE(V) ((V) > 1 ? 4 : 1)
#include "isa256.h"

const SKKernels sk_avx2_table = TABLE("avx2");
#pragma clang attribute pop
#endif
