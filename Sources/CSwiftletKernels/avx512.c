// The kernels for x86-64 with AVX-512 VNNI and VBMI2 (Ice Lake, Zen 4 and later).
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#include "requantize.h"
#pragma clang attribute push(                                                                                         \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx512vbmi,avx512vbmi2,avx2,fma,bmi,bmi2,popcnt"))), \
    apply_to = function)
#define NAME(x) sk_avx512_##x
#define LANES 16
#define VI __m512i
#define BYTES __m512i
#define WEIGHTS __m512i
#define MOST_PIXELS 14
#define MOST_VECTORS 4

// MARK: Requantization

// Of up to four vectors of 16 channels.
typedef struct {
    __m512 multiplier[MOST_VECTORS];
    __m512 half[MOST_VECTORS];  // what the two roundings add away from zero
    __m512 offset;
    __m512i low, high;
} NAME(Scales);

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
    for (int v = 0; v < vectors; v++) {
        __m512i shift = _mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)(r->shift + channel + 16 * v)));
        s->multiplier[v] = NAME(real)(_mm512_loadu_si512(r->multiplier + channel + 16 * v), shift);
        s->half[v] = NAME(away)(shift);
    }
    s->offset = _mm512_set1_ps(NAME(offset)(r->zeroPoint));
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

static inline __attribute__((always_inline)) __m512i NAME(scaled)(__m512i acc, __m512 multiplier, __m512 half, __m512 offset) {
    // The sign of the accumulator on `half`: (half & ~sign bit) | (acc & sign bit); half is not negative.
    __m512i signedHalf = _mm512_ternarylogic_epi32(_mm512_castps_si512(half), acc, _mm512_set1_epi32((int)0x80000000), 0xF8);
    __m512 y = _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc), multiplier, offset);
    return _mm512_cvtps_epi32(_mm512_add_ps(y, _mm512_castsi512_ps(signedHalf)));
}

// The lanes that have to be settled, of four vectors at once: 16-bit positions, of which the even ones count.
static inline __attribute__((always_inline)) int NAME(isUncertain)(__m512i a, __m512i b, __m512i c, __m512i d) {
    __m512i least = _mm512_min_epu16(_mm512_min_epu16(a, b), _mm512_min_epu16(c, d));
    return _mm512_mask_cmplt_epu16_mask(0x55555555, least, _mm512_set1_epi16(2 * MARGIN)) != 0;
}

static const uint16_t NAME(highWords)[32] __attribute__((aligned(64))) = {
    1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63};
static const uint64_t NAME(eighths)[8] __attribute__((aligned(64))) = {0, 2, 4, 6, 1, 3, 5, 7};

// `count` bytes from the accumulators of up to 64 consecutive channels.
static inline __attribute__((always_inline)) void NAME(requantizeStore)(const __m512i *acc, int V, const NAME(Scales) *s,
                                                                        const SKRequantization *r, int32_t channel,
                                                                        uint8_t *output, int32_t count) {
    __m512i y[4];
    for (int v = 0; v < 4; v++)
        y[v] = v < V ? NAME(scaled)(acc[v], s->multiplier[v], s->half[v], s->offset) : y[0];
    if (__builtin_expect(NAME(isUncertain)(y[0], y[1], y[2], y[3]), 0)) {
        int32_t sums[64], values[64];
        for (int v = 0; v < V; v++) {
            _mm512_storeu_si512(sums + 16 * v, acc[v]);
            _mm512_storeu_si512(values + 16 * v, y[v]);
        }
        sk_settle(values, sums, r->multiplier + channel, r->shift + channel, r->zeroPoint, count);
        for (int v = 0; v < V; v++) y[v] = _mm512_loadu_si512(values + 16 * v);
    }
    __m512i words = _mm512_load_si512(NAME(highWords));
    __m512i first = _mm512_permutex2var_epi16(y[0], words, y[1]);
    __m512i bytes;
    if (V > 2) {
        __m512i second = _mm512_permutex2var_epi16(y[2], words, y[3]);
        bytes = _mm512_permutexvar_epi64(_mm512_load_si512(NAME(eighths)), _mm512_packus_epi16(first, second));
    } else {
        bytes = _mm512_permutexvar_epi64(_mm512_load_si512(NAME(eighths)), _mm512_packus_epi16(first, first));
    }
    bytes = _mm512_min_epu8(_mm512_max_epu8(bytes, s->low), s->high);
    _mm512_mask_storeu_epi8(output, _bzhi_u64(~0ull, (unsigned)count), bytes);
}

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
    for (int32_t c = 1; c < count; c++)
        if (table[c] <= table[c - 1]) t->chunks = 0;
    for (int32_t k = 0; k < t->chunks; k++) t->mask[k] = 0;
    for (int32_t c = 0; t->chunks && c < count; c++) t->mask[table[c] / 64] |= 1ull << (table[c] % 64);
    t->first[0] = 0;
    for (int32_t k = 0; k < t->chunks; k++) t->first[k + 1] = (uint16_t)(t->first[k] + __builtin_popcountll(t->mask[k]));
}

static void NAME(gather)(const uint8_t *row, int32_t pixelBytes, int32_t pixels, const uint16_t *table, int32_t count,
                         uint8_t *packed, int32_t step) {
    NAME(Table) t;
    NAME(readTable)(&t, table, count);
    if (!t.chunks) {
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

// `made` may be read 64 bytes at a time.
static void NAME(scatter)(const uint8_t *made, int32_t step, int32_t pixels, const uint16_t *table, int32_t count,
                          uint8_t *row, int32_t pixelBytes) {
    NAME(Table) t;
    NAME(readTable)(&t, table, count);
    if (!t.chunks) {
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
static inline int NAME(mostPixels)(int vectors) { return vectors == 4 ? 6 : vectors == 3 ? 8 : vectors == 2 ? 12 : 14; }

#define DEFINE_TILES              \
    TILES(1, Partial, 1, CASES_14) \
    TILES(1, One, 0, CASES_14)     \
    TILES(2, Two, 0, CASES_12)     \
    TILES(3, Three, 0, CASES_8)    \
    TILES(4, Four, 0, CASES_6)     \
    static inline void NAME(runTile)(const NAME(Tile) *t, const NAME(Scales) *s, int pixels, int vectors, int partial) { \
        if (partial) NAME(tilePartial)(t, s, pixels);                                                                    \
        else if (vectors == 4) NAME(tileFour)(t, s, pixels);                                                             \
        else if (vectors == 3) NAME(tileThree)(t, s, pixels);                                                            \
        else if (vectors == 2) NAME(tileTwo)(t, s, pixels);                                                              \
        else NAME(tileOne)(t, s, pixels);                                                                                \
    }

#include "convolution.h"

// MARK: Depthwise convolution

// A row is taken as a string of bytes, 64 at a time, whatever the channels: byte j of an output row comes from byte
// `j + (kx - padding) * channels` of each input row. Vectors that begin at the same channel (64 * v modulo channels) share
// weights and multipliers; they are gone through together. Strided rows, and those with gaps, are first sorted into one row
// for each remainder of the column by the stride, in a buffer on the stack.
#define DEPTHWISE_TAPS 64
#define DEPTHWISE_BYTES 131072

typedef struct {
    const uint8_t *start;  // of the byte that belongs to output byte 0; null for a row of padding
    int64_t low, high;     // output bytes for which it lies in the row
} NAME(Tap);

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

static const uint16_t NAME(laneWords)[32] __attribute__((aligned(64))) = {
    1,  3,  5,  7,  33, 35, 37, 39, 9,  11, 13, 15, 41, 43, 45, 47,
    17, 19, 21, 23, 49, 51, 53, 55, 25, 27, 29, 31, 57, 59, 61, 63};

// The constants of 64 bytes of a row, tiled from a channel on.
typedef struct {
    int32_t bias[64], multiplier[64];
    int8_t shift[64];
    uint8_t pad[64];
    int8_t weights[DEPTHWISE_TAPS][64];
} NAME(Phase);

static inline void NAME(tileBytes)(void *to, const void *from, int32_t size, int32_t channels, int32_t first) {
    for (int32_t filled = 0; filled < 64; first = 0) {
        int32_t count = channels - first < 64 - filled ? channels - first : 64 - filled;
        memcpy((char *)to + filled * size, (const char *)from + first * size, (size_t)(count * size));
        filled += count;
    }
}

static inline __attribute__((always_inline)) void NAME(depthwisePhase)(const NAME(Tap) *taps, const int T, int32_t channels,
                                                                       const SKConvolution *conv, int32_t phase, int32_t phases,
                                                                       int64_t outputBytes, uint8_t *output) {
    const SKRequantization *r = &conv->requantization;
    NAME(Phase) p;
    int32_t first = (int32_t)((int64_t)phase * 64 % channels);
    NAME(tileBytes)(p.bias, r->bias, 4, channels, first);
    NAME(tileBytes)(p.multiplier, r->multiplier, 4, channels, first);
    NAME(tileBytes)(p.shift, r->shift, 1, channels, first);
    NAME(tileBytes)(p.pad, conv->padPixel, 1, channels, first);
    for (int t = 0; t < T; t++)
        NAME(tileBytes)(p.weights[t], conv->weights + (int64_t)t * conv->paddedChannels, 1, channels, first);

    __m512i zero = _mm512_setzero_si512(), pad = _mm512_loadu_si512(p.pad);
    __m512i bias[4], weights[(DEPTHWISE_TAPS + 3) / 4][4], natural[4], turned[4];
    __m512 multiplier[4], half[4];
    for (int q = 0; q < 4; q++) natural[q] = _mm512_loadu_si512(p.bias + 16 * q);
    NAME(transpose)(natural, bias);
    for (int q = 0; q < 4; q++) {
        __m512i shift = _mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)(p.shift + 16 * q)));
        multiplier[q] = NAME(real)(_mm512_loadu_si512(p.multiplier + 16 * q), shift);
        half[q] = NAME(away)(shift);
    }
    for (int q = 0; q < 4; q++) natural[q] = _mm512_castps_si512(multiplier[q]);
    NAME(transpose)(natural, turned);
    for (int q = 0; q < 4; q++) multiplier[q] = _mm512_castsi512_ps(turned[q]);
    for (int q = 0; q < 4; q++) natural[q] = _mm512_castps_si512(half[q]);
    NAME(transpose)(natural, turned);
    for (int q = 0; q < 4; q++) half[q] = _mm512_castsi512_ps(turned[q]);
    for (int t = 0; t < T; t += 4) {
        __m512i w[4];
        for (int i = 0; i < 4; i++) w[i] = t + i < T ? _mm512_loadu_si512(p.weights[t + i]) : zero;
        NAME(interleave)(w[0], w[1], w[2], w[3], weights[t / 4]);
    }
    __m512 offset = _mm512_set1_ps(NAME(offset)(r->zeroPoint));
    __m512i low = _mm512_set1_epi8((char)r->low), high = _mm512_set1_epi8((char)r->high);
    __m512i words = _mm512_load_si512(NAME(laneWords));

    // Where every tap lies inside its row.
    int64_t inner = 0, outer = outputBytes - 63;
    for (int t = 0; t < T; t++) {
        inner = taps[t].low > inner ? taps[t].low : inner;
        outer = taps[t].high - 63 < outer ? taps[t].high - 63 : outer;
    }
    for (int64_t j = (int64_t)phase * 64; j < outputBytes; j += (int64_t)phases * 64) {
        int isInner = j >= inner && j < outer;
        __m512i acc[4];
        for (int q = 0; q < 4; q++) acc[q] = bias[q];
        for (int t = 0; t < T; t += 4) {
            __m512i x[4], mixed[4];
            for (int i = 0; i < 4; i++) {
                x[i] = zero;
                if (t + i >= T) continue;
                const NAME(Tap) *tap = taps + t + i;
                if (!tap->start) {
                    x[i] = pad;
                } else if (isInner) {
                    x[i] = _mm512_loadu_si512(tap->start + j);
                } else {
                    int64_t from = tap->low - j, to = tap->high - j;
                    from = from < 0 ? 0 : from > 64 ? 64 : from;
                    to = to < 0 ? 0 : to > 64 ? 64 : to;
                    __mmask64 mask = _bzhi_u64(~0ull, (unsigned)to) & ~_bzhi_u64(~0ull, (unsigned)from);
                    x[i] = _mm512_mask_loadu_epi8(pad, mask, tap->start + j);
                }
            }
            NAME(interleave)(x[0], x[1], x[2], x[3], mixed);
            for (int q = 0; q < 4; q++) acc[q] = _mm512_dpbusd_epi32(acc[q], mixed[q], weights[t / 4][q]);
        }
        __m512i y[4];
        for (int q = 0; q < 4; q++) y[q] = NAME(scaled)(acc[q], multiplier[q], half[q], offset);
        if (__builtin_expect(NAME(isUncertain)(y[0], y[1], y[2], y[3]), 0)) {
            int32_t sums[64], values[64];
            NAME(transpose)(acc, natural);
            NAME(transpose)(y, turned);
            for (int q = 0; q < 4; q++) {
                _mm512_storeu_si512(sums + 16 * q, natural[q]);
                _mm512_storeu_si512(values + 16 * q, turned[q]);
            }
            sk_settle(values, sums, p.multiplier, p.shift, r->zeroPoint, 64);
            for (int q = 0; q < 4; q++) turned[q] = _mm512_loadu_si512(values + 16 * q);
            NAME(transpose)(turned, y);
        }
        __m512i bytes = _mm512_packus_epi16(_mm512_permutex2var_epi16(y[0], words, y[1]),
                                            _mm512_permutex2var_epi16(y[2], words, y[3]));
        bytes = _mm512_min_epu8(_mm512_max_epu8(bytes, low), high);
        int64_t left = outputBytes - j;
        _mm512_mask_storeu_epi8(output + j, _bzhi_u64(~0ull, left < 64 ? (unsigned)left : 64), bytes);
    }
}

static __attribute__((noinline)) void NAME(depthwise9)(const NAME(Tap) *taps, int32_t channels, const SKConvolution *conv,
                                                       int32_t phase, int32_t phases, int64_t outputBytes, uint8_t *output) {
    NAME(depthwisePhase)(taps, 9, channels, conv, phase, phases, outputBytes, output);
}

static __attribute__((noinline)) void NAME(depthwiseAny)(const NAME(Tap) *taps, int T, int32_t channels,
                                                         const SKConvolution *conv, int32_t phase, int32_t phases,
                                                         int64_t outputBytes, uint8_t *output) {
    NAME(depthwisePhase)(taps, T, channels, conv, phase, phases, outputBytes, output);
}

static int NAME(convolveDepthwise)(const SKInput *in, const SKOutput *out, const SKWindow *w, const SKConvolution *conv) {
    int32_t channels = conv->groups, taps = w->kernelHeight * w->kernelWidth;
    if (conv->groupOutputs != 1 || taps > DEPTHWISE_TAPS) return 0;
    if (!NAME(canRequantize)(&conv->requantization, channels)) return 0;
    int isSorted = w->stride != 1 || in->channels || in->pixelBytes != channels;
    int isScattered = out->channels || out->pixelBytes != channels;
    int64_t outputBytes = (int64_t)out->width * channels;
    int64_t rowBytes = (int64_t)in->width * channels;
    if (isSorted && rowBytes * w->kernelHeight > DEPTHWISE_BYTES) return 0;
    if (isScattered && outputBytes > DEPTHWISE_BYTES) return 0;

    uint8_t sorted[isSorted ? rowBytes * w->kernelHeight : 1];
    uint8_t made[isScattered ? outputBytes + 64 : 1];
    int32_t stride = isSorted ? w->stride : 1;
    NAME(Tap) list[DEPTHWISE_TAPS];
    for (int32_t ky = 0; ky < w->kernelHeight; ky++) {
        const uint8_t *row = in->rows[ky];
        uint8_t *to = sorted + ky * rowBytes;
        // Columns of one remainder follow each other.
        for (int32_t remainder = 0; isSorted && row && remainder < stride && remainder < in->width; remainder++) {
            int32_t pixels = (in->width - remainder + stride - 1) / stride;
            SKInput strided = *in;
            strided.pixelBytes = in->pixelBytes * stride;
            NAME(packPixels)(&strided, row + (int64_t)remainder * in->pixelBytes, pixels, 0, channels, to, channels);
            to += (int64_t)pixels * channels;
        }
        for (int32_t kx = 0; kx < w->kernelWidth; kx++) {
            int32_t column = kx * w->dilation - w->paddingLeft;
            int32_t remainder = (column % stride + stride) % stride;
            int64_t shift = (int64_t)(column - remainder) / stride * channels;
            int64_t before = 0;
            for (int32_t other = 0; other < remainder; other++) before += (in->width - other + stride - 1) / stride;
            int64_t pixels = remainder < in->width ? (in->width - remainder + stride - 1) / stride : 0;
            const uint8_t *start = isSorted ? sorted + ky * rowBytes + before * channels : row;
            NAME(Tap) *tap = list + ky * w->kernelWidth + kx;
            tap->start = row ? start + shift : 0;
            tap->low = -shift;
            tap->high = pixels * channels - shift;
        }
    }
    int32_t common = channels & -channels;
    int32_t phases = channels / (common < 64 ? common : 64);
    for (int32_t phase = 0; phase < phases && (int64_t)phase * 64 < outputBytes; phase++) {
        uint8_t *to = isScattered ? made : out->start;
        if (taps == 9) NAME(depthwise9)(list, channels, conv, phase, phases, outputBytes, to);
        else NAME(depthwiseAny)(list, taps, channels, conv, phase, phases, outputBytes, to);
    }
    if (out->channels) {
        NAME(scatter)(made, channels, out->width, out->channels, channels, out->start, out->pixelBytes);
    } else if (isScattered) {
        for (int32_t x = 0; x < out->width; x++)
            memcpy(out->start + (int64_t)x * out->pixelBytes, made + (int64_t)x * channels, (size_t)channels);
    }
    return 1;
}

#include "elementwise512.h"

const SKKernels sk_avx512_table = {"avx512vnni",        NAME(convolve),    NAME(convolveDepthwise), NAME(add),
                                   NAME(poolMax), NAME(poolAverage), NAME(accumulate)};
#pragma clang attribute pop
#endif
