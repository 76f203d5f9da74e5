// The kernels for 64-bit Arm, compiled for plain NEON, for its dot product of bytes and for the one of signed by unsigned bytes.
// Convolution is the common text; the instruction set's file defines
//
//     VI                              the sums of 4 outputs of a pixel
//     START, FINISH                   what they begin with, and how they become 4 int32
//     AS_SIGNED, ADD_FOURS            where the arena's bytes are taken less 128, and how weights are added up for that
//     dot, takeQuads                  the products of 4 outputs with a quad; with as many quads of a run as it can
//     MOST_PIXELS, PIXELS_OF, CASES_  the tile for a number of vectors
//
// Rounding takes the instructions that the specification was made of: `sqrdmulh` is its doubled high product, `srshl` its shift
// once negative numbers are less by 1. So there are no doubtful lanes here, as there are on x86.
#include <arm_neon.h>
#include "linked.h"
#include "requantize.h"

#define LANES 4
#define MOST_VECTORS 4
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

// MARK: Requantization

// Of up to 16 channels.
typedef struct {
    int32x4_t bias[MOST_VECTORS], multiplier[MOST_VECTORS], shift[MOST_VECTORS];
    int16x8_t zeroPoint;
    uint8x16_t low, high;
    int hasLowest;  // a weight is -128
} NAME(Scales);

// 4 bytes wherever they lie.
INLINE int32_t NAME(word)(const void *p) {
    int32_t word;
    __builtin_memcpy(&word, p, 4);
    return word;
}

static inline void NAME(loadScales)(NAME(Scales) *s, const SKRequantization *r, int32_t channel, int vectors) {
    for (int v = 0; v < vectors; v++) {
        int8x8_t shift = vcreate_s8((uint32_t)NAME(word)(r->shift + channel + 4 * v));
        s->shift[v] = vmovl_s16(vget_low_s16(vmovl_s8(shift)));
        s->bias[v] = vld1q_s32(r->bias + channel + 4 * v);
        s->multiplier[v] = vld1q_s32(r->multiplier + channel + 4 * v);
    }
    s->zeroPoint = vdupq_n_s16((int16_t)r->zeroPoint);
    s->low = vdupq_n_u8(r->low);
    s->high = vdupq_n_u8(r->high);
}

#ifdef AS_SIGNED
#define AS_TAKEN(a) veorq_u8(a, vdupq_n_u8(0x80))
#define PREPARE(s, t, vectors) NAME(addWeights)(s, (t)->weights, (int64_t)(t)->runs *(t)->runQuads, vectors)

// 128 for each weight to the biases.
static void NAME(addWeights)(NAME(Scales) *s, const int8_t *w, int64_t quads, int vectors) {
    int32x4_t sums[MOST_VECTORS] = {};
    int8x16_t least = vdupq_n_s8(0);
    for (; quads > 0; quads--)
        for (int v = 0; v < vectors; v++, w += 16) {
            int8x16_t weights = vld1q_s8(w);
            sums[v] = ADD_FOURS(sums[v], weights);
            least = vminq_s8(least, weights);
        }
    for (int v = 0; v < vectors; v++) s->bias[v] = vaddq_s32(s->bias[v], vshlq_n_s32(sums[v], 7));
    s->hasLowest = vminvq_s8(least) == -128;
}
#else
#define AS_TAKEN(a) (a)
#endif

static int NAME(canRequantize)(const SKRequantization *r, int32_t channels) {
    int8x16_t most = vdupq_n_s8(0);
    for (int32_t c = 0; c < channels; c += 16) most = vmaxq_s8(most, vld1q_s8(r->shift + c));
    return vmaxvq_s8(most) <= 0;
}

// `sk_apply`, for shifts to the right.
INLINE int32x4_t NAME(scaled)(int32x4_t sum, int32x4_t multiplier, int32x4_t shift) {
    int32x4_t high = vqrdmulhq_s32(sum, multiplier);
    return vrshlq_s32(vsraq_n_s32(high, vandq_s32(high, shift), 31), shift);
}

// Sixteen channels to bytes. A value beyond 16 bits is beyond a byte's range with any zero point.
INLINE uint8x16_t NAME(narrowed)(const int32x4_t *y, int16x8_t zeroPoint, uint8x16_t low, uint8x16_t high) {
    int16x8_t first = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(y[0]), y[1]), zeroPoint);
    int16x8_t second = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(y[2]), y[3]), zeroPoint);
    return vminq_u8(vmaxq_u8(vqmovun_high_s16(vqmovun_s16(first), second), low), high);
}

// The first `count` bytes, 16 at most.
INLINE void NAME(storeSome)(uint8_t *to, uint8x16_t bytes, int32_t count) {
    if (count >= 16) return vst1q_u8(to, bytes);
    if (count & 8) {
        vst1_u8(to, vget_low_u8(bytes));
        bytes = vextq_u8(bytes, bytes, 8);
        to += 8;
    }
    if (count & 4) {
        uint32_t word = vgetq_lane_u32(vreinterpretq_u32_u8(bytes), 0);
        __builtin_memcpy(to, &word, 4);
        bytes = vextq_u8(bytes, bytes, 4);
        to += 4;
    }
    if (count & 2) {
        vst1q_lane_u8(to, bytes, 0);
        vst1q_lane_u8(to + 1, bytes, 1);
        bytes = vextq_u8(bytes, bytes, 2);
        to += 2;
    }
    if (count & 1) vst1q_lane_u8(to, bytes, 0);
}

// The first `count` of 16 bytes, without reading any that lies behind them: two loads that overlap.
INLINE uint8x16_t NAME(loadSome)(const uint8_t *from, int32_t count) {
    if (count >= 16) return vld1q_u8(from);
    uint64_t low = 0, high = 0;
    if (count >= 8) {
        __builtin_memcpy(&low, from, 8);
        __builtin_memcpy(&high, from + count - 8, 8);
        high = count == 8 ? 0 : high >> (128 - 8 * count);
    } else if (count >= 4) {
        low = (uint32_t)NAME(word)(from) | (uint64_t)(uint32_t)NAME(word)(from + count - 4) << (8 * count - 32);
    } else {
        for (int32_t i = 0; i < count; i++) low |= (uint64_t)from[i] << (8 * i);
    }
    return vcombine_u8(vcreate_u8(low), vcreate_u8(high));
}

// `count` bytes from the sums of consecutive channels.
INLINE void NAME(requantizeStore)(const VI *acc, int V, const NAME(Scales) *s, uint8_t *output, int32_t count) {
    int32x4_t y[4];
    for (int v = 0; v < 4; v++)
        y[v] = v < V ? NAME(scaled)(FINISH(acc[v], s, v), s->multiplier[v], s->shift[v]) : y[0];
    NAME(storeSome)(output, NAME(narrowed)(y, s->zeroPoint, s->low, s->high), count);
}

INLINE void NAME(storeTile)(VI (*acc)[MOST_VECTORS], const int P, const int V, const NAME(Scales) *s,
                            const SKRequantization *r, int32_t channel, uint8_t *output, int64_t outputStep, int32_t count) {
    // A copy, for a byte that is stored might be anything as far as the compiler knows.
    const NAME(Scales) scales = *s;
    UNROLL for (int p = 0; p < P; p++) NAME(requantizeStore)(acc[p], V, &scales, output + p * outputStep, count);
    (void)r, (void)channel;
}

// MARK: Moves

// The columns of a window that lie inside the map: kernel columns `begin` to `end`.
typedef struct {
    int32_t begin, end;
} NAME(Columns);

INLINE NAME(Columns) NAME(columnsInside)(const SKInput *in, const SKWindow *w, int32_t first) {
    NAME(Columns) inside = {0, w->kernelWidth};
    while (inside.begin < inside.end && first + inside.begin * w->dilation < 0) inside.begin++;
    while (inside.begin < inside.end && first + (inside.end - 1) * w->dilation >= in->width) inside.end--;
    return inside;
}

static inline void NAME(copyBytes)(uint8_t *to, const uint8_t *from, int32_t count) {
    for (; count >= 16; count -= 16, to += 16, from += 16) vst1q_u8(to, vld1q_u8(from));
    if (count & 8) {
        vst1_u8(to, vld1_u8(from));
        to += 8;
        from += 8;
    }
    for (count &= 7; count > 0; count--) *to++ = *from++;
}

// Tables are looked up in the pixel, 64 bytes of it at a time: those that a table names elsewhere come out as they were.
static void NAME(gather)(const uint8_t *row, int32_t pixelBytes, int32_t pixels, const uint16_t *table, int32_t count,
                         uint8_t *packed, int32_t step) {
    enum { MOST_CHUNKS = 16 };
    int32_t reach = 0;
    for (int32_t c = 0; c < count; c++) reach = table[c] >= reach ? table[c] + 1 : reach;
    int32_t chunks = (reach + 63) / 64, whole = 0;
    // The pixels of which whole chunks may be read.
    if (chunks <= MOST_CHUNKS) whole = ((pixels - 1) * pixelBytes + reach - chunks * 64) / pixelBytes + 1;
    if ((pixels - 1) * pixelBytes + reach < chunks * 64) whole = 0;
    for (int32_t c = 0; whole > 0 && c < count; c += 16) {
        uint16_t slots[16] = {0};
        uint8x16_t places[MOST_CHUNKS];
        int32_t some = count - c < 16 ? count - c : 16;
        for (int32_t i = 0; i < some; i++) slots[i] = table[c + i];
        // A place before the chunk wraps to more than 255 and is cut to that, as one behind it is more than 63.
        for (int32_t k = 0; k < chunks; k++) {
            uint16x8_t first = vdupq_n_u16((uint16_t)(64 * k));
            places[k] = vqmovn_high_u16(vqmovn_u16(vsubq_u16(vld1q_u16(slots), first)), vsubq_u16(vld1q_u16(slots + 8), first));
        }
        for (int32_t x = 0; x < whole; x++) {
            const uint8_t *from = row + (int64_t)x * pixelBytes;
            uint8x16_t found = vdupq_n_u8(0);
            for (int32_t k = 0; k < chunks; k++) found = vqtbx4q_u8(found, vld1q_u8_x4(from + 64 * k), places[k]);
            NAME(storeSome)(packed + (int64_t)x * step + c, found, some);
        }
    }
    for (int32_t x = whole; x < pixels; x++)
        for (int32_t c = 0; c < count; c++) packed[(int64_t)x * step + c] = row[(int64_t)x * pixelBytes + table[c]];
}

// Four channels of a pixel in turn, of which the table is read once.
static void NAME(scatter)(const uint8_t *made, int32_t step, int32_t pixels, const uint16_t *table, int32_t count,
                          uint8_t *row, int32_t pixelBytes) {
    int32_t c = 0;
    for (; c + 4 <= count; c += 4) {
        uint8_t *a = row + table[c], *b = row + table[c + 1], *d = row + table[c + 2], *e = row + table[c + 3];
        const uint8_t *from = made + c;
        for (int64_t x = 0, to = 0; x < pixels; x++, from += step, to += pixelBytes) {
            uint32_t word = (uint32_t)NAME(word)(from);
            a[to] = (uint8_t)word;
            b[to] = (uint8_t)(word >> 8);
            d[to] = (uint8_t)(word >> 16);
            e[to] = (uint8_t)(word >> 24);
        }
    }
    for (; c < count; c++)
        for (int32_t x = 0; x < pixels; x++) row[(int64_t)x * pixelBytes + table[c]] = made[(int64_t)x * step + c];
}

// Pixels of three bytes to four, the last one 0.
static void NAME(widenPixels)(const uint8_t *row, int32_t pixels, uint8_t *packed) {
    for (; pixels >= 8; pixels -= 8, row += 24, packed += 32) {
        uint8x8x3_t three = vld3_u8(row);
        uint8x8x4_t four = {{three.val[0], three.val[1], three.val[2], vdup_n_u8(0)}};
        vst4_u8(packed, four);
    }
    for (; pixels > 0; pixels--, row += 3, packed += 4) {
        packed[0] = row[0];
        packed[1] = row[1];
        packed[2] = row[2];
        packed[3] = 0;
    }
}

// MARK: Convolution

#define BYTES uint8x16_t
#define WEIGHTS int8x16_t
#define LOAD_WEIGHTS(p) vld1q_s8(p)
#define LOAD_SOME_WEIGHTS(p, lanes) vld1q_s8(p)
#define BROADCAST(p) AS_TAKEN(vreinterpretq_u8_s32(vdupq_n_s32(NAME(word)(p))))
#define DOT(acc, a, w) NAME(dot)(acc, a, w)
#define TAKES_QUADS

static inline int NAME(blocksTaken)(int32_t left) { return left > 0; }
static inline int NAME(mostPixels)(int vectors) { return PIXELS_OF(vectors); }

#define CASES_3(V, partial) CASES_2(V, partial) TILE_CASE(3, V, partial)
#define CASES_5(V, partial) CASES_4(V, partial) TILE_CASE(5, V, partial)
#define DEFINE_TILES                       \
    TILES(1, PartialOne, 1, CASES_ONE)     \
    TILES(2, PartialTwo, 1, CASES_TWO)     \
    TILES(3, PartialThree, 1, CASES_THREE) \
    TILES(4, PartialFour, 1, CASES_FOUR)   \
    TILES(4, Four, 0, CASES_FOUR)          \
    static inline void NAME(runTile)(const NAME(Tile) *t, const NAME(Scales) *s, int pixels, int vectors, int partial) { \
        if (!partial) NAME(tileFour)(t, s, pixels);                                                                      \
        else if (vectors == 4) NAME(tilePartialFour)(t, s, pixels);                                                      \
        else if (vectors == 3) NAME(tilePartialThree)(t, s, pixels);                                                     \
        else if (vectors == 2) NAME(tilePartialTwo)(t, s, pixels);                                                       \
        else NAME(tilePartialOne)(t, s, pixels);                                                                         \
    }

#define TABLE(name)                                                                                              \
    {name, LINKED(convolution, NAME(convolve)), LINKED(depthwiseConvolution, NAME(convolveDepthwise)),           \
     LINKED(add, NAME(add)), LINKED(maxPool, NAME(poolMax)), LINKED(averagePool, NAME(poolAverage)),             \
     LINKED(globalAveragePool, NAME(accumulate)), 0, 0}
