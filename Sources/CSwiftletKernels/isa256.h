// The kernels for 256-bit vectors, compiled for AVX2 and, with its dot products, for AVX-VNNI. Convolution is the common text.
//
// DOT256(acc, a, w) and the types BYTES and WEIGHTS with their loads come from the including file.
#include <immintrin.h>
#include <string.h>
#include "addition.h"
#include "requantize.h"

#define LANES 8
#define VI __m256i
#define MOST_VECTORS 2
#define UNROLL _Pragma("clang loop unroll(full)")

// MARK: Requantization

// Sums under a ReLU are rounded in three instructions instead of six, see requantize512.h, and two pixels' 16 channels packed at
// once (both together: MobileNetV1 with AVX2 1.03 times as fast).
typedef struct {
    __m256 multiplier[MOST_VECTORS];
    __m256 half[MOST_VECTORS];  // what the two roundings add away from zero; where sums are rectified, with the offset
    __m256 offset;
    __m256i low, high;
    int isRectified;
} NAME(Scales);

// Of 8 channels.
static inline void NAME(loadScale)(NAME(Scales) *s, int v, __m256i multiplier, __m256i shift) {
    __m256i power = _mm256_slli_epi32(_mm256_add_epi32(shift, _mm256_set1_epi32(127 - 15)), 23);
    __m256i away = _mm256_slli_epi32(_mm256_add_epi32(shift, _mm256_set1_epi32(127 + 15)), 23);
    __m256 half = _mm256_castsi256_ps(_mm256_and_si256(away, _mm256_srai_epi32(shift, 31)));
    s->multiplier[v] = _mm256_mul_ps(_mm256_cvtepi32_ps(multiplier), _mm256_castsi256_ps(power));
    s->half[v] = s->isRectified ? _mm256_add_ps(half, s->offset) : half;
}

static inline void NAME(loadBounds)(NAME(Scales) *s, const SKRequantization *r) {
    s->isRectified = r->low >= r->zeroPoint;
    s->offset = _mm256_set1_ps((float)(r->zeroPoint * 65536 + 32768 + MARGIN));
    s->low = _mm256_set1_epi8((char)r->low);
    s->high = _mm256_set1_epi8((char)r->high);
}

static inline void NAME(loadScales)(NAME(Scales) *s, const SKRequantization *r, int32_t channel, int vectors) {
    NAME(loadBounds)(s, r);
    for (int v = 0; v < vectors; v++)
        NAME(loadScale)(s, v, _mm256_loadu_si256((const void *)(r->multiplier + channel + 8 * v)),
                        _mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)(r->shift + channel + 8 * v))));
}

static int NAME(canRequantize)(const SKRequantization *r, int32_t channels) {
    for (int32_t c = 0; c < channels; c++)
        if (r->shift[c] > 0) return 0;
    return 1;
}

// `count` neighbouring channels.
__attribute__((noinline, cold)) static void NAME(settle)(__m256i *y, const __m256i *acc, const SKRequantization *r,
                                                         int32_t channel, int32_t count) {
    int32_t values[16], sums[16];
    uint64_t uncertain = 0;
    memcpy(values, y, sizeof values);
    memcpy(sums, acc, sizeof sums);
    for (int i = 0; i < count; i++) uncertain |= (uint64_t)((values[i] & 0xFFFF) < 2 * MARGIN) << i;
    sk_settle(values, sums, r->multiplier + channel, r->shift + channel, r->zeroPoint, uncertain);
    memcpy(y, values, sizeof values);
}

static inline __attribute__((always_inline)) __m256i NAME(scaled)(__m256i acc, __m256 multiplier, __m256 half, __m256 offset,
                                                                  const int rectified) {
    __m256 sum = _mm256_cvtepi32_ps(acc);
    if (rectified) return _mm256_cvtps_epi32(_mm256_fmadd_ps(sum, multiplier, half));
    __m256 sign = _mm256_and_ps(_mm256_castsi256_ps(acc), _mm256_set1_ps(-0.0f));
    __m256 y = _mm256_fmadd_ps(sum, multiplier, offset);
    return _mm256_cvtps_epi32(_mm256_add_ps(y, _mm256_or_ps(half, sign)));
}

// Whether a lane has to be settled. Low halves below the margin: those that do not change when they are capped at it, counted in
// the even words.
static inline __attribute__((always_inline)) int NAME(isUncertain)(__m256i a, __m256i b, __m256i c, __m256i d) {
    __m256i least = _mm256_min_epu16(_mm256_min_epu16(a, b), _mm256_min_epu16(c, d));
    __m256i isBelow = _mm256_cmpeq_epi16(_mm256_min_epu16(least, _mm256_set1_epi16(2 * MARGIN - 1)), least);
    return (_mm256_movemask_epi8(isBelow) & 0x33333333) != 0;
}

// The high halves of four vectors as saturated bytes, in each 128 bits 4 of each.
static inline __attribute__((always_inline)) __m256i NAME(packHigh)(__m256i a, __m256i b, __m256i c, __m256i d) {
    __m256i ab = _mm256_packs_epi32(_mm256_srai_epi32(a, 16), _mm256_srai_epi32(b, 16));
    __m256i cd = _mm256_packs_epi32(_mm256_srai_epi32(c, 16), _mm256_srai_epi32(d, 16));
    return _mm256_packus_epi16(ab, cd);
}

static inline __attribute__((always_inline)) __m256i NAME(clamp)(__m256i bytes, const NAME(Scales) *s) {
    return _mm256_min_epu8(_mm256_max_epu8(bytes, s->low), s->high);
}

// `count` bytes, 16 at most, of the accumulators of consecutive channels of a pixel, or of two.
static inline __attribute__((always_inline)) void NAME(requantizeStore)(const __m256i *first, const __m256i *second, int V,
                                                                        const NAME(Scales) *s, const SKRequantization *r,
                                                                        int32_t channel, uint8_t *output, int64_t outputStep,
                                                                        int32_t count, const int rectified) {
    const __m256i *sums[2] = {first, second ? second : first};
    __m256i y[4];
    for (int i = 0; i < 4; i++) {
        const int v = i % 2;
        y[i] = v >= V || (i > 1 && !second)
                   ? y[i - 1 - (i == 2)]
                   : NAME(scaled)(sums[i / 2][v], s->multiplier[v], s->half[v], s->offset, rectified);
    }
    if (__builtin_expect(NAME(isUncertain)(y[0], y[1], y[2], y[3]), 0)) {
        for (int p = 0; p < 2; p++) {
            __m256i values[2] = {y[2 * p], y[2 * p + 1]}, exact[2] = {sums[p][0], sums[p][V - 1]};
            NAME(settle)(values, exact, r, channel, count < V * 8 ? count : V * 8);
            y[2 * p] = values[0];
            y[2 * p + 1] = values[1];
        }
    }
    // The first pixel's bytes, then the second's.
    const __m256i order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
    __m256i bytes = _mm256_permutevar8x32_epi32(NAME(clamp)(NAME(packHigh)(y[0], y[1], y[2], y[3]), s), order);
    if (count == 16) {
        _mm_storeu_si128((void *)output, _mm256_castsi256_si128(bytes));
        if (second) _mm_storeu_si128((void *)(output + outputStep), _mm256_extracti128_si256(bytes, 1));
    } else {
        uint8_t all[32];
        _mm256_storeu_si256((void *)all, bytes);
        memcpy(output, all, (size_t)count);
        if (second) memcpy(output + outputStep, all + 16, (size_t)count);
    }
}

static inline __attribute__((always_inline)) void NAME(storeTileAs)(__m256i acc[MOST_PIXELS][MOST_VECTORS], const int P,
                                                                    const int V, const NAME(Scales) *s,
                                                                    const SKRequantization *r, int32_t channel, uint8_t *output,
                                                                    int64_t outputStep, int32_t count, const int rectified) {
    UNROLL for (int p = 0; p < P; p += 2)
        NAME(requantizeStore)(acc[p], p + 1 < P ? acc[p + 1] : 0, V, s, r, channel, output + p * outputStep, outputStep, count,
                              rectified);
}

static inline __attribute__((always_inline)) void NAME(storeTile)(__m256i acc[MOST_PIXELS][MOST_VECTORS], const int P,
                                                                  const int V, const NAME(Scales) *s,
                                                                  const SKRequantization *r, int32_t channel,
                                                                  uint8_t *output, int64_t outputStep, int32_t count) {
    if (s->isRectified) NAME(storeTileAs)(acc, P, V, s, r, channel, output, outputStep, count, 1);
    else NAME(storeTileAs)(acc, P, V, s, r, channel, output, outputStep, count, 0);
}

// MARK: Moves

static void NAME(gather)(const uint8_t *row, int32_t pixelBytes, int32_t pixels, const uint16_t *table, int32_t count,
                         uint8_t *packed, int32_t step) {
    for (int32_t x = 0; x < pixels; x++)
        for (int32_t c = 0; c < count; c++) packed[(int64_t)x * step + c] = row[(int64_t)x * pixelBytes + table[c]];
}

static void NAME(scatter)(const uint8_t *made, int32_t step, int32_t pixels, const uint16_t *table, int32_t count,
                          uint8_t *row, int32_t pixelBytes) {
    for (int32_t x = 0; x < pixels; x++)
        for (int32_t c = 0; c < count; c++) row[(int64_t)x * pixelBytes + table[c]] = made[(int64_t)x * step + c];
}

static inline void NAME(copyBytes)(uint8_t *to, const uint8_t *from, int32_t count) { memcpy(to, from, (size_t)count); }

static void NAME(widenPixels)(const uint8_t *row, int32_t pixels, uint8_t *packed) {
    for (int32_t x = 0; x < pixels; x++, row += 3, packed += 4) {
        packed[0] = row[0];
        packed[1] = row[1];
        packed[2] = row[2];
        packed[3] = 0;
    }
}

// MARK: Convolution

static inline __attribute__((always_inline)) __m256i NAME(loadSome)(const int8_t *p, int lanes) {
    const __m256i index = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    return _mm256_maskload_epi32((const void *)p, _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), index));
}

static inline __attribute__((always_inline)) __m256i NAME(broadcast)(const uint8_t *p) {
    int32_t word;
    memcpy(&word, p, 4);
    return _mm256_set1_epi32(word);
}

#define LOAD_INT(p) _mm256_loadu_si256((const void *)(p))
#define LOAD_WEIGHTS(p) NAME(weights)(_mm256_loadu_si256((const void *)(p)))
#define LOAD_SOME_WEIGHTS(p, lanes) NAME(weights)(NAME(loadSome)(p, lanes))
#define BROADCAST(p) NAME(bytes)(NAME(broadcast)(p))
#define DOT(acc, a, w) NAME(dot)(acc, a, w)

static inline int NAME(blocksTaken)(int32_t left) { return left > 0; }
static inline int NAME(mostPixels)(int vectors) { return vectors == 2 ? MOST_PIXELS / 2 : MOST_PIXELS; }

#define DEFINE_TILES                \
    TILES(1, PartialOne, 1, CASES_ONE) \
    TILES(2, PartialTwo, 1, CASES_TWO) \
    TILES(2, Two, 0, CASES_TWO)        \
    static inline void NAME(runTile)(const NAME(Tile) *t, const NAME(Scales) *s, int pixels, int vectors, int partial) { \
        if (!partial) NAME(tileTwo)(t, s, pixels);                                                                       \
        else if (vectors == 2) NAME(tilePartialTwo)(t, s, pixels);                                                       \
        else NAME(tilePartialOne)(t, s, pixels);                                                                         \
    }

#include "convolution.h"

#include "depthwise256.h"
#include "elementwise256.h"
#include "pool256.h"
#include "probe.h"

#define TABLE(name)                                                                                              \
    {name,               NAME(convolve),   NAME(convolveDepthwise), NAME(add), NAME(poolMax), \
     NAME(poolAverage),  NAME(accumulate), NAME(dotProducts),       NAME(read)}
