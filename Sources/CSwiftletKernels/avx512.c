// The kernels for x86-64 with AVX-512 VNNI and VBMI2 (Ice Lake, Zen 4 and later).
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#include "requantize.h"
#define FEATURES "avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx512vbmi,avx512vbmi2,avx2,fma,bmi,bmi2,popcnt"
#pragma clang attribute push(__attribute__((target(FEATURES))), apply_to = function)
#define NAME(x) sk_avx512_##x
#define LANES 16
#define VI __m512i
#define BYTES __m512i
#define WEIGHTS __m512i
#define MOST_PIXELS 14
#define MOST_VECTORS 4
#define UNROLL _Pragma("clang loop unroll(full)")

#include "requantize512.h"

// MARK: Channels with a table

// Which bytes of each 64 of a pixel a table names, when it ascends.
typedef struct {
    uint64_t mask[64];
    uint16_t first[65];  // the first channel in it
    int32_t chunks;      // 0 when the table does not ascend or reaches too far
} NAME(Table);

static void NAME(readTable)(NAME(Table) *t, const uint16_t *table, int32_t count) {
    t->chunks = table[count - 1] / 64 + 1;
    if (t->chunks > 64) t->chunks = 0;
    for (int32_t k = 0; k < t->chunks; k++) t->mask[k] = 0;
    int32_t before = -1, isAscending = t->chunks > 0;
    for (int32_t c = 0; isAscending && c < count; c++) {
        isAscending = table[c] > before && table[c] / 64 < t->chunks;
        before = table[c];
        if (isAscending) t->mask[before / 64] |= 1ull << (before % 64);
    }
    if (!isAscending) t->chunks = 0;
    t->first[0] = 0;
    for (int32_t k = 0; k < t->chunks; k++) t->first[k + 1] = (uint16_t)(t->first[k] + __builtin_popcountll(t->mask[k]));
}

enum { MOST_PAIRS = 8 };

// Which of a pixel's bytes each of 64 lanes wants: out of which 128 bytes, and where there.
typedef struct {
    __m512i index;
    __mmask64 low[MOST_PAIRS], high[MOST_PAIRS];  // bytes that exist
    __mmask64 wanted[MOST_PAIRS];
    int32_t pairs;
} NAME(Choice);

// - `first`, `second`: 32 places each, all below `reach`, which is at most 128 * MOST_PAIRS.
static void NAME(choose)(NAME(Choice) *choice, __m512i first, __m512i second, __mmask64 lanes, int32_t reach) {
    choice->index = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi16_epi8(first)), _mm512_cvtepi16_epi8(second), 1);
    __m512i pair = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi16_epi8(_mm512_srli_epi16(first, 7))),
                                      _mm512_cvtepi16_epi8(_mm512_srli_epi16(second, 7)), 1);
    choice->pairs = (reach + 127) / 128;
    for (int32_t p = 0; p < choice->pairs; p++) {
        int32_t left = reach - 128 * p;
        choice->low[p] = _bzhi_u64(~0ull, left < 64 ? (unsigned)left : 64);
        choice->high[p] = left <= 64 ? 0 : _bzhi_u64(~0ull, left < 128 ? (unsigned)(left - 64) : 64);
        choice->wanted[p] = _mm512_mask_cmpeq_epi8_mask(lanes, pair, _mm512_set1_epi8((char)p));
    }
}

static inline __attribute__((always_inline)) __m512i NAME(pick)(const NAME(Choice) *choice, const uint8_t *pixel) {
    __m512i found = _mm512_setzero_si512();
    for (int32_t p = 0; p < choice->pairs; p++, pixel += 128) {
        if (!choice->wanted[p]) continue;
        __m512i low = _mm512_maskz_loadu_epi8(choice->low[p], pixel), high = _mm512_maskz_loadu_epi8(choice->high[p], pixel + 64);
        found = _mm512_mask_mov_epi8(found, choice->wanted[p], _mm512_permutex2var_epi8(low, choice->index, high));
    }
    return found;
}

// A table in any order, 64 channels at a time. Returns 0 when it reaches too far.
static int NAME(gatherInAnyOrder)(const uint8_t *row, int32_t pixelBytes, int32_t pixels, const uint16_t *table, int32_t count,
                                  uint8_t *packed, int32_t step) {
    int32_t reach = 0;
    for (int32_t c = 0; c < count; c++) reach = table[c] >= reach ? table[c] + 1 : reach;
    if (reach > 128 * MOST_PAIRS) return 0;
    for (int32_t c = 0; c < count; c += 64) {
        __mmask64 lanes = _bzhi_u64(~0ull, count - c < 64 ? (unsigned)(count - c) : 64);
        __m512i first = _mm512_maskz_loadu_epi16((__mmask32)lanes, table + c);
        __m512i second = _mm512_maskz_loadu_epi16((__mmask32)(lanes >> 32), table + c + 32);
        NAME(Choice) choice;
        NAME(choose)(&choice, first, second, lanes, reach);
        for (int32_t x = 0; x < pixels; x++)
            _mm512_mask_storeu_epi8(packed + (int64_t)x * step + c, lanes, NAME(pick)(&choice, row + (int64_t)x * pixelBytes));
    }
    return 1;
}

static void NAME(gather)(const uint8_t *row, int32_t pixelBytes, int32_t pixels, const uint16_t *table, int32_t count,
                         uint8_t *packed, int32_t step) {
    NAME(Table) t;
    NAME(readTable)(&t, table, count);
    if (!t.chunks) {
        if (NAME(gatherInAnyOrder)(row, pixelBytes, pixels, table, count, packed, step)) return;
        for (int32_t x = 0; x < pixels; x++)
            for (int32_t c = 0; c < count; c++) packed[(int64_t)x * step + c] = row[(int64_t)x * pixelBytes + table[c]];
        return;
    }
    for (int32_t k = 0; k < t.chunks; k++) {
        if (!t.mask[k]) continue;
        __mmask64 kept = _bzhi_u64(~0ull, (unsigned)(t.first[k + 1] - t.first[k]));
        const uint8_t *from = row + 64 * k;
        uint8_t *to = packed + t.first[k];
        for (int32_t x = 0; x < pixels; x++, from += pixelBytes, to += step)
            _mm512_mask_storeu_epi8(to, kept, _mm512_maskz_compress_epi8(t.mask[k], _mm512_maskz_loadu_epi8(t.mask[k], from)));
    }
}

// A table in any order, 64 bytes of the pixel at a time: each of them looks for its channel. Returns 0 when it reaches too far.
static int NAME(scatterInAnyOrder)(const uint8_t *made, int32_t step, int32_t pixels, const uint16_t *table, int32_t count,
                                   uint8_t *row, int32_t pixelBytes) {
    enum { MOST_CHANNELS = 1024 };
    uint16_t channel[MOST_CHANNELS + 64];
    uint64_t named[MOST_CHANNELS / 64] = {0};
    if (count > MOST_CHANNELS) return 0;
    int32_t reach = 0;
    for (int32_t c = 0; c < count; c++) {
        if (table[c] >= MOST_CHANNELS) return 0;
        channel[table[c]] = (uint16_t)c;
        named[table[c] / 64] |= 1ull << (table[c] % 64);
        reach = table[c] >= reach ? table[c] + 1 : reach;
    }
    for (int32_t s = 0; s < reach; s += 64) {
        __mmask64 lanes = named[s / 64];
        if (!lanes) continue;
        __m512i first = _mm512_maskz_loadu_epi16((__mmask32)lanes, channel + s);
        __m512i second = _mm512_maskz_loadu_epi16((__mmask32)(lanes >> 32), channel + s + 32);
        NAME(Choice) choice;
        NAME(choose)(&choice, first, second, lanes, count);
        for (int32_t x = 0; x < pixels; x++)
            _mm512_mask_storeu_epi8(row + (int64_t)x * pixelBytes + s, lanes, NAME(pick)(&choice, made + (int64_t)x * step));
    }
    return 1;
}

// `made` may be read 64 bytes at a time.
static void NAME(scatter)(const uint8_t *made, int32_t step, int32_t pixels, const uint16_t *table, int32_t count,
                          uint8_t *row, int32_t pixelBytes) {
    NAME(Table) t;
    NAME(readTable)(&t, table, count);
    if (!t.chunks) {
        if (NAME(scatterInAnyOrder)(made, step, pixels, table, count, row, pixelBytes)) return;
        for (int32_t x = 0; x < pixels; x++)
            for (int32_t c = 0; c < count; c++) row[(int64_t)x * pixelBytes + table[c]] = made[(int64_t)x * step + c];
        return;
    }
    for (int32_t k = 0; k < t.chunks; k++) {
        if (!t.mask[k]) continue;
        const uint8_t *from = made + t.first[k];
        uint8_t *to = row + 64 * k;
        for (int32_t x = 0; x < pixels; x++, from += step, to += pixelBytes)
            _mm512_mask_storeu_epi8(to, t.mask[k], _mm512_maskz_expand_epi8(t.mask[k], _mm512_loadu_si512(from)));
    }
}

// A few bytes at a time: a call of memcpy for each pixel takes longer than the rest of the row.
static inline void NAME(copyBytes)(uint8_t *to, const uint8_t *from, int32_t count) {
    for (int32_t c = 0; c < count; c += 64) {
        __mmask64 mask = _bzhi_u64(~0ull, count - c < 64 ? (unsigned)(count - c) : 64);
        _mm512_mask_storeu_epi8(to + c, mask, _mm512_maskz_loadu_epi8(mask, from + c));
    }
}

// Pixels of three bytes to four, the last one 0.
static void NAME(widenPixels)(const uint8_t *row, int32_t pixels, uint8_t *packed) {
    const __m512i order = _mm512_maskz_mov_epi8(
        0x7777777777777777, _mm512_sub_epi8(_mm512_set_epi8(63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47,
                                                            46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30,
                                                            29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13,
                                                            12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                                            _mm512_set_epi32(0x0F0F0F0F, 0x0E0E0E0E, 0x0D0D0D0D, 0x0C0C0C0C, 0x0B0B0B0B,
                                                             0x0A0A0A0A, 0x09090909, 0x08080808, 0x07070707, 0x06060606,
                                                             0x05050505, 0x04040404, 0x03030303, 0x02020202, 0x01010101, 0)));
    for (int32_t x = 0; x < pixels; x += 16) {
        unsigned left = pixels - x < 16 ? (unsigned)(pixels - x) : 16;
        __m512i bytes = _mm512_maskz_loadu_epi8(_bzhi_u64(~0ull, 3 * left), row + 3 * x);
        bytes = _mm512_maskz_permutexvar_epi8(0x7777777777777777, order, bytes);
        _mm512_mask_storeu_epi32(packed + 4 * x, (__mmask16)_bzhi_u32(0xFFFF, left), bytes);
    }
}

// MARK: Convolution

#define LOAD_INT(p) _mm512_loadu_si512(p)
#define LOAD_WEIGHTS(p) _mm512_loadu_si512(p)
#define LOAD_SOME_WEIGHTS(p, lanes) _mm512_maskz_loadu_epi32((__mmask16)((1u << (lanes)) - 1), p)
#define DOT(acc, a, w) _mm512_dpbusd_epi32(acc, a, w)

static inline __attribute__((always_inline)) __m512i NAME(broadcast)(const uint8_t *p) {
    int32_t word;
    memcpy(&word, p, 4);
    return _mm512_set1_epi32(word);
}
#define BROADCAST(p) NAME(broadcast)(p)

// 24 accumulators or so, with registers left for weights and a pixel.
static inline int NAME(blocksTaken)(int32_t left) { return left == 5 || left == 6 || left == 3 ? 3 : left > 3 ? 4 : left; }
static inline int NAME(mostPixels)(int vectors) { return vectors == 4 ? 6 : vectors == 3 ? 8 : 14; }

#define DEFINE_TILES              \
    TILES(1, Partial, 1, CASES_14) \
    TILES(1, One, 0, CASES_14)     \
    TILES(2, Two, 0, CASES_14)     \
    TILES(3, Three, 0, CASES_8)    \
    TILES(4, Four, 0, CASES_6)     \
    static inline void NAME(runTile)(const NAME(Tile) *t, const NAME(Scales) *s, int pixels, int vectors, int partial) { \
        if (partial) NAME(tilePartial)(t, s, pixels);                                                                    \
        else if (vectors == 4) NAME(tileFour)(t, s, pixels);                                                             \
        else if (vectors == 3) NAME(tileThree)(t, s, pixels);                                                            \
        else if (vectors == 2) NAME(tileTwo)(t, s, pixels);                                                              \
        else NAME(tileOne)(t, s, pixels);                                                                                \
    }

// Four quads at once: 1.03 to 1.08 times as fast from 96 inputs on; in tiles of one vector it costs more than it brings.
#define QUADS_AT_ONCE(V) ((V) > 1 ? 4 : 1)
#define SMALL_GROUPS "groups512.h"
#include "convolution.h"

#include "depthwise512.h"
#include "depthwise1x1x512.h"
#include "depthwise3x3x512.h"
#include "depthwiserow512.h"
#include "elementwise512.h"
#include "pool512.h"

#define ANEW(x) __asm__ volatile("" : "+v"(x))
#include "probe.h"

const SKKernels sk_avx512_table = {"avx512vnni",        NAME(convolve),    NAME(convolveDepthwise), NAME(add),
                                   NAME(poolMax), NAME(poolAverage), NAME(accumulate), NAME(dotProducts), NAME(read)};
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target(FEATURES ",amx-tile,amx-int8"))), apply_to = function)
#include "matrices512.h"
#include "matrixrows512.h"

const SKKernels sk_amx_table = {"amx",         NAME(multiplyMatrices), NAME(convolveDepthwise), NAME(add),
                                NAME(poolMax), NAME(poolAverage),      NAME(accumulate),        NAME(matrixProducts),
                                NAME(read),    NAME(multiplyRows),     NAME(releaseMatrices)};
#pragma clang attribute pop
#endif
