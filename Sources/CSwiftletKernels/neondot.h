// Dot products of four bytes; part of dotprod.c and i8mm.c, which define
//
//     DOT_QUADS(acc, w, a)        acc + products of 4 outputs' weights with a quad in every lane
//     DOT_QUAD(acc, w, a, quad)   the same with one of four quads
//     AS_SIGNED, ADD_FOURS        where the dot product wants signed bytes: the arena's, less 128
//     CASES_FOUR, PIXELS_OF       the tiles for four vectors, and for any number
#define VI int32x4_t
#define START(scales, v) (scales)->bias[v]
#define FINISH(acc, scales, v) (acc)
#define MOST_PIXELS 8
#define CASES_ONE CASES_8
#define CASES_TWO CASES_8
#define CASES_THREE CASES_6

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

// Four quads of the pixels from `first` on.
INLINE void NAME(dotFour)(VI (*acc)[MOST_VECTORS], const uint8_t *const *a, int64_t offset, const int8_t *w, int first, int P,
                          int V) {
    uint8x16_t x[MOST_PIXELS];
    UNROLL for (int p = first; p < P; p++) x[p] = AS_TAKEN(vld1q_u8(a[p] + offset));
    UNROLL for (int quad = 0; quad < 4; quad++)
        UNROLL for (int v = 0; v < V; v++) {
            int8x16_t weights = vld1q_s8(w + (quad * V + v) * 16);
            UNROLL for (int p = first; p < P; p++) acc[p][v] = NAME(dotQuad)(acc[p][v], x[p], weights, quad);
        }
}
