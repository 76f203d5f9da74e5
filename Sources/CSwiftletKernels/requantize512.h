// Sums to bytes with AVX-512, for all operators that requantize; part of avx512.c. What is computed, and why it is exact, is in
// requantize.h.
//
// Where the activation cuts off everything below the zero point, as a ReLU does, a negative sum gives the lowest byte however its
// half is rounded. So all sums are taken for positive, and what the roundings add is part of the offset: three instructions for
// 16 sums instead of five (1.17 times as fast, 16 to 96 channels, 112 wide). Bounds of 0 and 255 are what saturation does anyway.
// Of up to four vectors of 16 channels.
typedef struct {
    __m512 multiplier[MOST_VECTORS];
    __m512 half[MOST_VECTORS];  // what the two roundings add away from zero; where sums are rectified, with the offset
    __m512 offset;
    __m512i low, high;
    int isRectified, isClamped;
} NAME(Scales);

static inline int NAME(isRectified)(const SKRequantization *r) { return r->low >= r->zeroPoint; }
static inline int NAME(isClamped)(const SKRequantization *r) { return r->low > 0 || r->high < 255; }

// The float form of a multiplier: `m * 2^(shift - 15)`.
static inline __m512 NAME(real)(__m512i multiplier, __m512i shift) {
    __m512i power = _mm512_slli_epi32(_mm512_add_epi32(shift, _mm512_set1_epi32(127 - 15)), 23);
    return _mm512_mul_ps(_mm512_cvtepi32_ps(multiplier), _mm512_castsi512_ps(power));
}

// 2^(15 + shift) for shifts to the right, else 0.
static inline __m512 NAME(away)(__m512i shift) {
    __m512i power = _mm512_slli_epi32(_mm512_add_epi32(shift, _mm512_set1_epi32(127 + 15)), 23);
    return _mm512_castsi512_ps(_mm512_maskz_mov_epi32(_mm512_movepi32_mask(shift), power));
}

static inline float NAME(offset)(int32_t zeroPoint) { return (float)(zeroPoint * 65536 + 32768 + MARGIN); }

static inline void NAME(loadScales)(NAME(Scales) *s, const SKRequantization *r, int32_t channel, int vectors) {
    s->isRectified = NAME(isRectified)(r);
    s->isClamped = NAME(isClamped)(r);
    s->offset = _mm512_set1_ps(NAME(offset)(r->zeroPoint));
    for (int v = 0; v < vectors; v++) {
        __m512i shift = _mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)(r->shift + channel + 16 * v)));
        s->multiplier[v] = NAME(real)(_mm512_loadu_si512(r->multiplier + channel + 16 * v), shift);
        s->half[v] = s->isRectified ? _mm512_add_ps(NAME(away)(shift), s->offset) : NAME(away)(shift);
    }
    s->low = _mm512_set1_epi8((char)r->low);
    s->high = _mm512_set1_epi8((char)r->high);
}

// A shift to the left may wrap, which only the specification's own text does right.
static int NAME(canRequantize)(const SKRequantization *r, int32_t channels) {
    __m512i most = _mm512_setzero_si512();
    for (int32_t c = 0; c < channels; c += 64) {
        __mmask64 mask = _bzhi_u64(~0ull, channels - c < 64 ? (unsigned)(channels - c) : 64);
        most = _mm512_max_epi8(most, _mm512_maskz_loadu_epi8(mask, r->shift + c));
    }
    return !_mm512_test_epi8_mask(most, most);
}

static inline __attribute__((always_inline)) __m512i NAME(scaled)(__m512i acc, __m512 multiplier, __m512 half, __m512 offset,
                                                                  const int rectified) {
    __m512 sum = _mm512_cvtepi32_ps(acc);
    if (rectified) return _mm512_cvtps_epi32(_mm512_fmadd_ps(sum, multiplier, half));
    // The sign of the accumulator on `half`: (half & ~sign bit) | (acc & sign bit); half is not negative.
    __m512i signedHalf = _mm512_ternarylogic_epi32(_mm512_castps_si512(half), acc, _mm512_set1_epi32((int)0x80000000), 0xF8);
    __m512 y = _mm512_fmadd_ps(sum, multiplier, offset);
    return _mm512_cvtps_epi32(_mm512_add_ps(y, _mm512_castsi512_ps(signedHalf)));
}

static inline __attribute__((always_inline)) __m512i NAME(clamp)(__m512i bytes, const NAME(Scales) *s) {
    return s->isClamped ? _mm512_min_epu8(_mm512_max_epu8(bytes, s->low), s->high) : bytes;
}

// The lanes that have to be settled, of four vectors at once: 16-bit positions, of which the even ones count.
static inline __attribute__((always_inline)) int NAME(isUncertain)(__m512i a, __m512i b, __m512i c, __m512i d) {
    __m512i least = _mm512_min_epu16(_mm512_min_epu16(a, b), _mm512_min_epu16(c, d));
    return _mm512_mask_cmplt_epu16_mask(0x55555555, least, _mm512_set1_epi16(2 * MARGIN)) != 0;
}

// Which lanes those are, and their settlement. Out of line, so that the rounding above keeps its registers.
__attribute__((noinline, cold)) static void NAME(settle)(__m512i *y, const __m512i *acc, int vectors, const int32_t *multiplier,
                                                         const int8_t *shift, int32_t zeroPoint, int32_t count) {
    uint64_t uncertain = 0;
    for (int v = 0; v < vectors; v++) {
        __m512i low = _mm512_and_si512(y[v], _mm512_set1_epi32(0xFFFF));
        uncertain |= (uint64_t)_mm512_cmplt_epu32_mask(low, _mm512_set1_epi32(2 * MARGIN)) << (16 * v);
    }
    sk_settle((int32_t *)y, (const int32_t *)acc, multiplier, shift, zeroPoint, uncertain & _bzhi_u64(~0ull, (unsigned)count));
}

// Where the bytes of 64 channels stand after `packHigh`, when vector v holds channels 16 v ..< 16 v + 16.
static const uint8_t NAME(channelOrder)[64] __attribute__((aligned(64))) = {
    0,  2,  4,  6,  16, 18, 20, 22, 32, 34, 36, 38, 48, 50, 52, 54, 1,  3,  5,  7,  17, 19, 21, 23, 33, 35, 37, 39, 49, 51, 53, 55,
    8,  10, 12, 14, 24, 26, 28, 30, 40, 42, 44, 46, 56, 58, 60, 62, 9,  11, 13, 15, 25, 27, 29, 31, 41, 43, 45, 47, 57, 59, 61, 63};

// The high halves of four vectors as saturated bytes: 8 of a and b in turn, 8 of c and d, in each 128 bits. Two shifts and two
// blends, for shuffles are what the first execution ports run short of (2 % over two-source permutations, 32 to 64 channels).
static inline __attribute__((always_inline)) __m512i NAME(packHigh)(__m512i a, __m512i b, __m512i c, __m512i d) {
    __m512i ab = _mm512_mask_blend_epi16(0xAAAAAAAA, _mm512_srli_epi32(a, 16), b);
    __m512i cd = _mm512_mask_blend_epi16(0xAAAAAAAA, _mm512_srli_epi32(c, 16), d);
    return _mm512_packus_epi16(ab, cd);
}

// Up to four pixels of up to 16 channels, each 128 bits of `bytes`.
static inline __attribute__((always_inline)) void NAME(storePixels)(__m512i bytes, const int count, uint8_t *to, int64_t step,
                                                                    __mmask16 stored) {
    _mm_mask_storeu_epi8(to, stored, _mm512_castsi512_si128(bytes));
    if (count > 1) _mm_mask_storeu_epi8(to + step, stored, _mm512_extracti32x4_epi32(bytes, 1));
    if (count > 2) _mm_mask_storeu_epi8(to + 2 * step, stored, _mm512_extracti32x4_epi32(bytes, 2));
    if (count > 3) _mm_mask_storeu_epi8(to + 3 * step, stored, _mm512_extracti32x4_epi32(bytes, 3));
}

// `count` bytes from the accumulators of up to 64 consecutive channels.
static inline __attribute__((always_inline)) void NAME(requantizeStore)(const __m512i *acc, int V, const NAME(Scales) *s,
                                                                        const SKRequantization *r, int32_t channel,
                                                                        uint8_t *output, int32_t count, const int rectified) {
    __m512i y[4];
    for (int v = 0; v < 4; v++)
        y[v] = v < V ? NAME(scaled)(acc[v], s->multiplier[v], s->half[v], s->offset, rectified) : y[0];
    if (__builtin_expect(NAME(isUncertain)(y[0], y[1], y[2], y[3]), 0)) {
        __m512i sums[4], values[4];
        for (int v = 0; v < V; v++) sums[v] = acc[v], values[v] = y[v];
        NAME(settle)(values, sums, V, r->multiplier + channel, r->shift + channel, r->zeroPoint, count);
        for (int v = 0; v < 4; v++) y[v] = values[v < V ? v : 0];
    }
    __m512i bytes = _mm512_permutexvar_epi8(_mm512_load_si512(NAME(channelOrder)), NAME(packHigh)(y[0], y[1], y[2], y[3]));
    _mm512_mask_storeu_epi8(output, _bzhi_u64(~0ull, (unsigned)count), NAME(clamp)(bytes, s));
}

// A tile's bytes. Narrow tiles fill four vectors with several pixels (5 % of MobileNetV2 0.35 96).
static inline __attribute__((always_inline)) void NAME(storeTileAs)(__m512i acc[MOST_PIXELS][MOST_VECTORS], const int P,
                                                                    const int V, const NAME(Scales) *s,
                                                                    const SKRequantization *r, int32_t channel,
                                                                    uint8_t *output, int64_t outputStep, int32_t count,
                                                                    const int rectified) {
    if (V > 2) {
        UNROLL for (int p = 0; p < P; p++)
            NAME(requantizeStore)(acc[p], V, s, r, channel, output + p * outputStep, count, rectified);
        return;
    }
    const int together = 4 / V;
    const __mmask32 stored = (__mmask32)_bzhi_u64(~0ull, (unsigned)count);
    UNROLL for (int first = 0; first < P; first += together) {
        __m512i y[4];
        UNROLL for (int i = 0; i < 4; i++)
            y[i] = first + i / V < P ? NAME(scaled)(acc[first + i / V][i % V], s->multiplier[i % V], s->half[i % V], s->offset,
                                                    rectified)
                                     : y[0];
        if (__builtin_expect(NAME(isUncertain)(y[0], y[1], y[2], y[3]), 0))
            UNROLL for (int i = 0; i < together && first + i < P; i++) {
                __m512i sums[2], values[2];
                UNROLL for (int v = 0; v < V; v++) sums[v] = acc[first + i][v], values[v] = y[i * V + v];
                NAME(settle)(values, sums, V, r->multiplier + channel, r->shift + channel, r->zeroPoint, count);
                UNROLL for (int v = 0; v < V; v++) y[i * V + v] = values[v];
            }
        __m512i bytes = _mm512_permutexvar_epi8(_mm512_load_si512(NAME(channelOrder)), NAME(packHigh)(y[0], y[1], y[2], y[3]));
        bytes = NAME(clamp)(bytes, s);
        uint8_t *to = output + first * outputStep;
        if (V == 2) {
            _mm256_mask_storeu_epi8(to, stored, _mm512_castsi512_si256(bytes));
            if (first + 1 < P) _mm256_mask_storeu_epi8(to + outputStep, stored, _mm512_extracti64x4_epi64(bytes, 1));
        } else {
            NAME(storePixels)(bytes, P - first < 4 ? P - first : 4, to, outputStep, (__mmask16)stored);
        }
    }
}

static inline __attribute__((always_inline)) void NAME(storeTile)(__m512i acc[MOST_PIXELS][MOST_VECTORS], const int P,
                                                                  const int V, const NAME(Scales) *s,
                                                                  const SKRequantization *r, int32_t channel,
                                                                  uint8_t *output, int64_t outputStep, int32_t count) {
    if (s->isRectified) NAME(storeTileAs)(acc, P, V, s, r, channel, output, outputStep, count, 1);
    else NAME(storeTileAs)(acc, P, V, s, r, channel, output, outputStep, count, 0);
}
