// What all depthwise convolutions with AVX-512 share: taps interleaved for dot products, a block's constants, rounding; part of
// avx512.c.
//
// Dot products want four taps of a channel side by side. They come so by two rounds of unpacking, which leave the channels of 64
// bytes in an order of their own (`interleave`); constants are brought into it once for each block, bytes out of it at the end.
#define DEPTHWISE_TAPS 64

// 64 channels' bytes of four taps, interleaved: lane l of vector q holds channels 16 l + 4 q ..< + 4 of each 128 bits.
static inline __attribute__((always_inline)) void NAME(interleave)(__m512i a, __m512i b, __m512i c, __m512i d, __m512i *out) {
    __m512i ab0 = _mm512_unpacklo_epi8(a, b), ab1 = _mm512_unpackhi_epi8(a, b);
    __m512i cd0 = _mm512_unpacklo_epi8(c, d), cd1 = _mm512_unpackhi_epi8(c, d);
    out[0] = _mm512_unpacklo_epi16(ab0, cd0);
    out[1] = _mm512_unpackhi_epi16(ab0, cd0);
    out[2] = _mm512_unpacklo_epi16(ab1, cd1);
    out[3] = _mm512_unpackhi_epi16(ab1, cd1);
}

// Four vectors in the order of channels to the order of `interleave`, and back: it is its own inverse.
static inline __attribute__((always_inline)) void NAME(transpose)(const __m512i *in, __m512i *out) {
    __m512i a = _mm512_shuffle_i32x4(in[0], in[1], 0x44), b = _mm512_shuffle_i32x4(in[0], in[1], 0xEE);
    __m512i c = _mm512_shuffle_i32x4(in[2], in[3], 0x44), d = _mm512_shuffle_i32x4(in[2], in[3], 0xEE);
    out[0] = _mm512_shuffle_i32x4(a, c, 0x88);
    out[1] = _mm512_shuffle_i32x4(a, c, 0xDD);
    out[2] = _mm512_shuffle_i32x4(b, d, 0x88);
    out[3] = _mm512_shuffle_i32x4(b, d, 0xDD);
}

// Where those bytes stand after `packHigh`, in each 128 bits.
static const uint8_t NAME(laneOrder)[64] __attribute__((aligned(64))) = {
    0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15, 0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15,
    0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15, 0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15};

// The constants of 64 bytes of a row from a channel on. Where the channels come round within them they are tiled in `copy`;
// else they lie in the file as they are wanted.
typedef struct {
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    const uint8_t *pad;
    const int8_t *weights[DEPTHWISE_TAPS];
    struct {
        int32_t bias[64], multiplier[64];
        int8_t shift[64];
        uint8_t pad[64];
        int8_t weights[DEPTHWISE_TAPS][64];
    } copy;
} NAME(Phase);

static inline __attribute__((always_inline)) void NAME(useCopy)(NAME(Phase) *p, const int T) {
    p->bias = p->copy.bias;
    p->multiplier = p->copy.multiplier;
    p->shift = p->copy.shift;
    p->pad = p->copy.pad;
    for (int t = 0; t < T; t++) p->weights[t] = p->copy.weights[t];
}

// - `count`: 64 for rows that go on with the next pixel; fewer for the last channels of a pixel alone.
static inline __attribute__((always_inline)) void NAME(loadPhase)(NAME(Phase) *p, const SKConvolution *conv, const int T,
                                                                  int32_t channels, int32_t first, int32_t count) {
    const SKRequantization *r = &conv->requantization;
    if (count < 64) {
        __mmask64 mask = _bzhi_u64(~0ull, (unsigned)count);
        for (int q = 0; q < 4; q++) {
            __mmask16 lanes = (__mmask16)(mask >> 16 * q);
            _mm512_storeu_si512(p->copy.bias + 16 * q, _mm512_maskz_loadu_epi32(lanes, r->bias + first + 16 * q));
            _mm512_storeu_si512(p->copy.multiplier + 16 * q, _mm512_maskz_loadu_epi32(lanes, r->multiplier + first + 16 * q));
        }
#define TILE(to, from) _mm512_storeu_si512(to, _mm512_maskz_loadu_epi8(mask, (from) + first))
        TILE(p->copy.shift, r->shift);
        TILE(p->copy.pad, conv->padPixel);
        for (int t = 0; t < T; t++) TILE(p->copy.weights[t], conv->weights + (int64_t)t * conv->paddedChannels);
#undef TILE
        NAME(useCopy)(p, T);
        return;
    }
    if (first + 64 <= channels) {
        p->bias = r->bias + first;
        p->multiplier = r->multiplier + first;
        p->shift = r->shift + first;
        p->pad = conv->padPixel + first;
        for (int t = 0; t < T; t++) p->weights[t] = conv->weights + (int64_t)t * conv->paddedChannels + first;
        return;
    }
    // The channel of each byte.
    uint16_t lanes[64];
    for (int32_t l = 0, c = first; l < 64; l++) {
        lanes[l] = (uint16_t)c;
        if (++c == channels) c = 0;
    }
    for (int q = 0; q < 4; q++) {
        __m512i index = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)(lanes + 16 * q)));
        _mm512_storeu_si512(p->copy.bias + 16 * q, _mm512_i32gather_epi32(index, r->bias, 4));
        _mm512_storeu_si512(p->copy.multiplier + 16 * q, _mm512_i32gather_epi32(index, r->multiplier, 4));
    }
    // At most two stretches, or, of less than 64 channels, one that is permuted.
    if (channels <= 64) {
        __mmask64 mask = _bzhi_u64(~0ull, (unsigned)channels);
        __m512i order = _mm512_inserti64x4(
            _mm512_castsi256_si512(_mm512_cvtepi16_epi8(_mm512_loadu_si512(lanes))),
            _mm512_cvtepi16_epi8(_mm512_loadu_si512(lanes + 32)), 1);
#define TILE(to, from) _mm512_storeu_si512(to, _mm512_permutexvar_epi8(order, _mm512_maskz_loadu_epi8(mask, from)))
        TILE(p->copy.shift, r->shift);
        TILE(p->copy.pad, conv->padPixel);
        for (int t = 0; t < T; t++) TILE(p->copy.weights[t], conv->weights + (int64_t)t * conv->paddedChannels);
#undef TILE
    } else {
        int32_t count = channels - first;
        __mmask64 tail = _bzhi_u64(~0ull, (unsigned)count);
        // Lanes of the second stretch begin `count` bytes before its first channel.
#define TILE(to, from)                                                                                         \
    _mm512_storeu_si512(to, _mm512_mask_loadu_epi8(_mm512_maskz_loadu_epi8(tail, (from) + first), ~tail, (from) - count))
        TILE(p->copy.shift, r->shift);
        TILE(p->copy.pad, conv->padPixel);
        for (int t = 0; t < T; t++) TILE(p->copy.weights[t], conv->weights + (int64_t)t * conv->paddedChannels);
#undef TILE
    }
    NAME(useCopy)(p, T);
}

// What does not change along a row, for 64 channels, in the order of `interleave`.
typedef struct {
    NAME(Phase) phase;
    NAME(Scales) scales;
    __m512i bias[4];
} NAME(DepthwiseBlock);

static inline __attribute__((always_inline)) void NAME(loadBlock)(NAME(DepthwiseBlock) *b, const SKConvolution *conv, const int T,
                                                                  int32_t channels, int32_t first, int32_t count) {
    const SKRequantization *r = &conv->requantization;
    NAME(loadPhase)(&b->phase, conv, T, channels, first, count);
    SKRequantization own = *r;
    own.multiplier = b->phase.multiplier;
    own.shift = b->phase.shift;
    NAME(Scales) natural;
    NAME(loadScales)(&natural, &own, 0, 4);
    b->scales = natural;
    __m512i bias[4];
    for (int q = 0; q < 4; q++) bias[q] = _mm512_loadu_si512(b->phase.bias + 16 * q);
    NAME(transpose)(bias, b->bias);
    NAME(transpose)((const __m512i *)natural.multiplier, (__m512i *)b->scales.multiplier);
    NAME(transpose)((const __m512i *)natural.half, (__m512i *)b->scales.half);
}

// The bytes of 64 sums, in the order of channels.
static inline __attribute__((always_inline)) __m512i NAME(roundBlock)(const NAME(DepthwiseBlock) *b, const __m512i *acc,
                                                                      int32_t zeroPoint, const int rectified) {
    const NAME(Scales) *s = &b->scales;
    __m512i y[4];
    for (int q = 0; q < 4; q++) y[q] = NAME(scaled)(acc[q], s->multiplier[q], s->half[q], s->offset, rectified);
    if (__builtin_expect(NAME(isUncertain)(y[0], y[1], y[2], y[3]), 0)) {
        __m512i sums[4], values[4];
        NAME(transpose)(acc, sums);
        NAME(transpose)(y, values);
        NAME(settle)(values, sums, 4, b->phase.multiplier, b->phase.shift, zeroPoint, 64);
        NAME(transpose)(values, y);
    }
    __m512i bytes = _mm512_shuffle_epi8(NAME(packHigh)(y[0], y[1], y[2], y[3]), _mm512_load_si512(NAME(laneOrder)));
    return NAME(clamp)(bytes, s);
}
