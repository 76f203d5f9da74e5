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

// Which of up to 64 channels, the first of them `first`, each of 64 bytes has that go on with the next pixel: as bytes, and as
// four times 16 integers.
typedef struct {
    __m512i bytes, ints[4];
} NAME(Round);

static inline __attribute__((always_inline)) NAME(Round) NAME(chooseRound)(int32_t channels, int32_t first) {
    NAME(Round) round;
    __m128i narrow[4];
    for (int q = 0; q < 4; q++) {
        __m512i lane = _mm512_add_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                                        _mm512_set1_epi32(16 * q + first));
        // Less whole rounds: below 128, so a reciprocal of 16 bits is exact.
        __m512i rounds = _mm512_srli_epi32(_mm512_mullo_epi32(lane, _mm512_set1_epi32(65536 / channels + 1)), 16);
        round.ints[q] = _mm512_sub_epi32(lane, _mm512_mullo_epi32(rounds, _mm512_set1_epi32(channels)));
        narrow[q] = _mm512_cvtepi32_epi8(round.ints[q]);
    }
    round.bytes = _mm512_inserti32x4(_mm512_castsi128_si512(narrow[0]), narrow[1], 1);
    round.bytes = _mm512_inserti32x4(_mm512_inserti32x4(round.bytes, narrow[2], 2), narrow[3], 3);
    return round;
}

// 16 of up to 64 integers, which are padded to a multiple of 16.
static inline __attribute__((always_inline)) __m512i NAME(pickInts)(const int32_t *from, int32_t channels, __m512i index) {
    __m512i a = _mm512_loadu_si512(from), b = channels > 16 ? _mm512_loadu_si512(from + 16) : a;
    __m512i low = _mm512_permutex2var_epi32(a, index, b);
    if (channels <= 32) return low;
    __m512i c = _mm512_loadu_si512(from + 32), d = channels > 48 ? _mm512_loadu_si512(from + 48) : c;
    __m512i high = _mm512_permutex2var_epi32(c, index, d);
    return _mm512_mask_mov_epi32(low, _mm512_cmpge_epu32_mask(index, _mm512_set1_epi32(32)), high);
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
    // Of up to 64 channels one stretch that is permuted, of more two: the second begins `tail` channels behind the first.
    if (channels <= 64) {
        const NAME(Round) round = NAME(chooseRound)(channels, first);
        const __mmask64 mask = _bzhi_u64(~0ull, (unsigned)channels);
        for (int q = 0; q < 4; q++) {
            _mm512_storeu_si512(p->copy.bias + 16 * q, NAME(pickInts)(r->bias, channels, round.ints[q]));
            _mm512_storeu_si512(p->copy.multiplier + 16 * q, NAME(pickInts)(r->multiplier, channels, round.ints[q]));
        }
#define TILE(to, from) _mm512_storeu_si512(to, _mm512_permutexvar_epi8(round.bytes, _mm512_maskz_loadu_epi8(mask, from)))
        TILE(p->copy.shift, r->shift);
        TILE(p->copy.pad, conv->padPixel);
        for (int t = 0; t < T; t++) TILE(p->copy.weights[t], conv->weights + (int64_t)t * conv->paddedChannels);
#undef TILE
    } else {
        const int32_t tail = channels - first;
        const __mmask64 mask = _bzhi_u64(~0ull, (unsigned)tail);
#define TILE(bits, to, from, lanes)                                                                                     \
    _mm512_storeu_si512(to, _mm512_mask_loadu_epi##bits(_mm512_maskz_loadu_epi##bits(lanes, (from) + first), ~(lanes), \
                                                        (from) - tail))
        for (int q = 0; q < 4; q++) {
            const __mmask16 lanes = (__mmask16)(mask >> 16 * q);
            TILE(32, p->copy.bias + 16 * q, r->bias + 16 * q, lanes);
            TILE(32, p->copy.multiplier + 16 * q, r->multiplier + 16 * q, lanes);
        }
        TILE(8, p->copy.shift, r->shift, mask);
        TILE(8, p->copy.pad, conv->padPixel, mask);
        for (int t = 0; t < T; t++) TILE(8, p->copy.weights[t], conv->weights + (int64_t)t * conv->paddedChannels, mask);
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
