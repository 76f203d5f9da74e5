// The kernels by dot products of four bytes, for dotprod.c and i8mm.c, which define
//
//     DOT_QUADS(acc, w, a)        acc + products of 4 outputs' weights with a quad in every lane
//     DOT_QUAD(acc, w, a, quad)   the same with one of four quads
//     AS_SIGNED, ADD_FOURS        where the dot product wants signed bytes: the arena's, less 128
#define VI int32x4_t
#define START(scales, v) (scales)->bias[v]
#define FINISH(acc, scales, v) (acc)
#define MOST_PIXELS 8
#define CASES_ONE CASES_8
#define CASES_TWO CASES_8
#define CASES_THREE CASES_6
#define CASES_FOUR CASES_5
#define PIXELS_OF(vectors) ((vectors) == 4 ? 5 : (vectors) == 3 ? 6 : 8)

#include "neon.h"

INLINE int32x4_t NAME(dot)(int32x4_t acc, uint8x16_t a, int8x16_t w) { return DOT_QUADS(acc, w, a); }

INLINE int32x4_t NAME(dotQuad)(int32x4_t acc, uint8x16_t a, int8x16_t w, int quad) {
    switch (quad) {
        case 0: return DOT_QUAD(acc, w, a, 0);
        case 1: return DOT_QUAD(acc, w, a, 1);
        case 2: return DOT_QUAD(acc, w, a, 2);
        default: return DOT_QUAD(acc, w, a, 3);
    }
}

// Four quads at a time: one load brings those of a pixel.
INLINE int64_t NAME(takeQuads)(VI (*acc)[MOST_VECTORS], const uint8_t *const *a, const int8_t *w, int64_t quads,
                               const NAME(Scales) *scales, int P, int V) {
    (void)scales;
    int64_t q = 0;
    for (; q + 4 <= quads; q += 4, w += V * 64) {
        uint8x16_t x[MOST_PIXELS];
        UNROLL for (int p = 0; p < P; p++) x[p] = AS_TAKEN(vld1q_u8(a[p] + q * 4));
        UNROLL for (int quad = 0; quad < 4; quad++)
            UNROLL for (int v = 0; v < V; v++) {
                int8x16_t weights = vld1q_s8(w + (quad * V + v) * 16);
                UNROLL for (int p = 0; p < P; p++) acc[p][v] = NAME(dotQuad)(acc[p][v], x[p], weights, quad);
            }
    }
    return q;
}

#include "convolution.h"
#include "depthwiseneon.h"
#include "elementwiseneon.h"
