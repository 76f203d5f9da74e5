// The kernels for 256-bit vectors, compiled for AVX2 and, with its dot products, for AVX-VNNI. Convolution is the common text;
// depthwise convolution takes 16 channels of a pixel at a time. Means are left to the portable kernels.
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

typedef struct {
    __m256 multiplier[MOST_VECTORS];
    __m256 half[MOST_VECTORS];
    __m256 offset;
} NAME(Scales);

static inline void NAME(loadScales)(NAME(Scales) *s, const SKRequantization *r, int32_t channel, int vectors) {
    for (int v = 0; v < vectors; v++) {
        __m256i shift = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)(r->shift + channel + 8 * v)));
        __m256i power = _mm256_slli_epi32(_mm256_add_epi32(shift, _mm256_set1_epi32(127 - 15)), 23);
        __m256i away = _mm256_slli_epi32(_mm256_add_epi32(shift, _mm256_set1_epi32(127 + 15)), 23);
        __m256i multiplier = _mm256_loadu_si256((const void *)(r->multiplier + channel + 8 * v));
        s->multiplier[v] = _mm256_mul_ps(_mm256_cvtepi32_ps(multiplier), _mm256_castsi256_ps(power));
        s->half[v] = _mm256_castsi256_ps(_mm256_and_si256(away, _mm256_srai_epi32(shift, 31)));
    }
    s->offset = _mm256_set1_ps((float)(r->zeroPoint * 65536 + 32768 + MARGIN));
}

static int NAME(canRequantize)(const SKRequantization *r, int32_t channels) {
    for (int32_t c = 0; c < channels; c++)
        if (r->shift[c] > 0) return 0;
    return 1;
}

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

static inline __attribute__((always_inline)) __m256i NAME(scaled)(__m256i acc, __m256 multiplier, __m256 half, __m256 offset) {
    __m256 sign = _mm256_and_ps(_mm256_castsi256_ps(acc), _mm256_set1_ps(-0.0f));
    __m256 y = _mm256_fmadd_ps(_mm256_cvtepi32_ps(acc), multiplier, offset);
    return _mm256_cvtps_epi32(_mm256_add_ps(y, _mm256_or_ps(half, sign)));
}

// `count` bytes, 16 at most, from the accumulators of consecutive channels.
static inline __attribute__((always_inline)) void NAME(requantizeStore)(const __m256i *acc, int V, const NAME(Scales) *s,
                                                                        const SKRequantization *r, int32_t channel,
                                                                        uint8_t *output, int32_t count) {
    __m256i y[2];
    for (int v = 0; v < 2; v++)
        y[v] = v < V ? NAME(scaled)(acc[v], s->multiplier[v], s->half[v], s->offset) : y[0];
    // Low halves below the margin: those that do not change when they are capped at it, counted in the even words.
    __m256i least = _mm256_min_epu16(y[0], y[1]);
    __m256i isUncertain = _mm256_cmpeq_epi16(_mm256_min_epu16(least, _mm256_set1_epi16(2 * MARGIN - 1)), least);
    if (__builtin_expect(_mm256_movemask_epi8(isUncertain) & 0x33333333, 0)) {
        __m256i values[2] = {y[0], y[1]}, sums[2] = {acc[0], V > 1 ? acc[1] : acc[0]};
        NAME(settle)(values, sums, r, channel, count < V * 8 ? count : V * 8);
        y[0] = values[0];
        y[1] = values[V > 1];
    }
    __m256i words = _mm256_packs_epi32(_mm256_srai_epi32(y[0], 16), _mm256_srai_epi32(y[1], 16));
    words = _mm256_permute4x64_epi64(words, 0xD8);
    __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    bytes = _mm_min_epu8(_mm_max_epu8(bytes, _mm_set1_epi8((char)r->low)), _mm_set1_epi8((char)r->high));
    if (count == 16) {
        _mm_storeu_si128((void *)output, bytes);
    } else {
        uint8_t all[16];
        _mm_storeu_si128((void *)all, bytes);
        memcpy(output, all, (size_t)count);
    }
}

static inline __attribute__((always_inline)) void NAME(storeTile)(__m256i acc[MOST_PIXELS][MOST_VECTORS], const int P,
                                                                  const int V, const NAME(Scales) *s,
                                                                  const SKRequantization *r, int32_t channel,
                                                                  uint8_t *output, int64_t outputStep, int32_t count) {
    UNROLL for (int p = 0; p < P; p++) NAME(requantizeStore)(acc[p], V, s, r, channel, output + p * outputStep, count);
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

// MARK: Depthwise convolution

#define DEPTHWISE_TAPS 64
#define UNROLL_TAPS _Pragma("clang loop unroll_count(6)")

// 16 bytes as words; fewer than 16 without touching what lies behind them.
static inline __attribute__((always_inline)) __m256i NAME(loadWords)(const uint8_t *p, int32_t count) {
    if (count == 16) return _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)p));
    uint8_t some[16] = {0};
    memcpy(some, p, (size_t)count);
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)some));
}

// 16 channels of neighbouring pixels of the output, all of whose taps lie in the row, or of one.
typedef struct {
    const __m256i *low, *high;  // weights
    __m256i bias[2];
    int32_t pixels;
    int64_t inputStep, outputStep;
    const uint8_t *starts[DEPTHWISE_TAPS + 1];
    int64_t kept[DEPTHWISE_TAPS + 1];  // 0 where a tap is padding, else all ones
} NAME(Taps);

static inline __attribute__((always_inline)) void NAME(depthwisePixels)(const NAME(Taps) *list, const int taps, const int count,
                                                                        const NAME(Scales) *scales, const SKRequantization *r,
                                                                        int32_t channel, uint8_t *to) {
    for (int64_t x = 0, offset = 0; x < list->pixels; x++, offset += list->inputStep, to += list->outputStep) {
        __m256i sumLow = _mm256_setzero_si256(), sumHigh = sumLow;
        UNROLL_TAPS for (int t = 0; t < taps; t += 2) {
            __m256i a = NAME(loadWords)(list->starts[t] + (offset & list->kept[t]), count);
            __m256i b = NAME(loadWords)(list->starts[t + 1] + (offset & list->kept[t + 1]), count);
            sumLow = _mm256_add_epi32(sumLow, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), list->low[t / 2]));
            sumHigh = _mm256_add_epi32(sumHigh, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), list->high[t / 2]));
        }
        __m256i acc[2] = {_mm256_add_epi32(list->bias[0], _mm256_permute2x128_si256(sumLow, sumHigh, 0x20)),
                          _mm256_add_epi32(list->bias[1], _mm256_permute2x128_si256(sumLow, sumHigh, 0x31))};
        NAME(requantizeStore)(acc, 2, scales, r, channel, to, count);
    }
}

static int NAME(convolveDepthwise)(const SKInput *in, const SKOutput *out, const SKWindow *w, const SKConvolution *conv) {
    int32_t channels = conv->groups, taps = w->kernelHeight * w->kernelWidth;
    if (conv->groupOutputs != 1 || taps > DEPTHWISE_TAPS || in->channels || out->channels) return 0;
    const SKRequantization *r = &conv->requantization;
    if (!NAME(canRequantize)(r, channels)) return 0;
    for (int32_t c = 0; c < channels; c += 16) {
        int32_t count = channels - c < 16 ? channels - c : 16;
        // Weights of two taps in turn: lane l of `low` holds channel l (l < 4) or l + 4, of `high` four more.
        __m256i low[DEPTHWISE_TAPS / 2], high[DEPTHWISE_TAPS / 2];
        for (int t = 0; t < taps; t += 2) {
            const int8_t *first = conv->weights + (int64_t)t * conv->paddedChannels + c;
            __m256i a = _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)first));
            __m256i b = t + 1 < taps ? _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)(first + conv->paddedChannels)))
                                     : _mm256_setzero_si256();
            low[t / 2] = _mm256_unpacklo_epi16(a, b);
            high[t / 2] = _mm256_unpackhi_epi16(a, b);
        }
        NAME(Scales) scales;
        NAME(loadScales)(&scales, r, c, 2);
        NAME(Taps) list = {.low = low,
                           .high = high,
                           .bias = {LOAD_INT(r->bias + c), LOAD_INT(r->bias + c + 8)},
                                                      .inputStep = (int64_t)w->stride * in->pixelBytes,
                           .outputStep = out->pixelBytes};
        for (int32_t x = 0; x < out->width; x += list.pixels) {
            const int32_t begin = x * w->stride - w->paddingLeft, reach = (w->kernelWidth - 1) * w->dilation;
            list.pixels = begin >= 0 && begin + reach < in->width ? (in->width - 1 - reach - begin) / w->stride + 1 : 1;
            if (list.pixels > out->width - x) list.pixels = out->width - x;
            int t = 0;
            for (int32_t ky = 0; ky < w->kernelHeight; ky++)
                for (int32_t kx = 0; kx < w->kernelWidth; kx++, t++) {
                    int32_t column = begin + kx * w->dilation;
                    int isInside = in->rows[ky] && column >= 0 && column < in->width;
                    list.starts[t] = isInside ? in->rows[ky] + (int64_t)column * in->pixelBytes + c : conv->padPixel + c;
                    list.kept[t] = isInside ? -1 : 0;
                }
            list.starts[taps] = conv->padPixel + c;  // meets weights of 0
            list.kept[taps] = 0;
            uint8_t *to = out->start + (int64_t)x * out->pixelBytes + c;
            if (taps == 9 && count == 16) NAME(depthwisePixels)(&list, 9, 16, &scales, r, c, to);
            else NAME(depthwisePixels)(&list, taps, count, &scales, r, c, to);
        }
    }
    return 1;
}

#include "elementwise256.h"

// MARK: The rest

static int NAME(leavePooling)(const SKInput *in, const SKOutput *out, const SKWindow *w, uint8_t low, uint8_t high) {
    (void)in, (void)out, (void)w, (void)low, (void)high;
    return 0;
}

static int NAME(leaveSums)(const SKInput *row, int32_t *sums) {
    (void)row, (void)sums;
    return 0;
}

#include "probe.h"

#define TABLE(name)                                                                                              \
    {name,               NAME(convolve),   NAME(convolveDepthwise), NAME(add), NAME(poolMax), \
     NAME(leavePooling), NAME(leaveSums), NAME(dotProducts),       NAME(read)}
