// The kernels for 64-bit Arm with a dot product of signed bytes (optional from Armv8.1, in every core from Armv8.4 on): bytes of
// the arena, less 128, by weights, and 128 times the sum of an output's weights in its bias.
#if defined(__aarch64__)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#define NAME(x) sk_dotprod_##x
#define AS_SIGNED
#define ADD_FOURS(sum, w) vdotq_s32(sum, w, vdupq_n_s8(1))
#define DOT_QUADS(acc, w, a) vdotq_s32(acc, w, vreinterpretq_s8_u8(a))
#define DOT_QUAD(acc, w, a, quad) vdotq_laneq_s32(acc, w, vreinterpretq_s8_u8(a), quad)
#define CASES_FOUR CASES_5
#define PIXELS_OF(vectors) ((vectors) == 4 ? 5 : (vectors) == 3 ? 6 : 8)

#include "neondot.h"

INLINE int64_t NAME(takeQuads)(VI (*acc)[MOST_VECTORS], const uint8_t *const *a, const int8_t *w, int64_t quads,
                               const NAME(Scales) *scales, int P, int V) {
    (void)scales;
    int64_t q = 0;
    for (; q + 4 <= quads; q += 4, w += V * 64) NAME(dotFour)(acc, a, q * 4, w, 0, P, V);
    return q;
}

#include "convolution.h"
#include "depthwiseneon.h"
#include "elementwiseneon.h"

const SKKernels sk_dotprod_table = TABLE("dotprod");
#pragma clang attribute pop
#endif
