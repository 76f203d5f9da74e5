// Kernels for cores with the vector extension Helium (Cortex-M55): sixteen products an instruction.
//
// VMLADAVA sums products of signed bytes over a whole vector. So convolution copies the pixels under the window once, less
// 128, gathers sixteen weights of one output from their quads, and multiplies them with six pixels; 128 times the sum of
// the weights makes good for the 128. The sums of sixteen outputs become bytes together. What they do not do: rows whose
// window is larger than PACKED_BYTES; what armmvechannels.h leaves out.
#if defined(__ARM_FEATURE_MVE)
#include "armwindow.h"
#include <arm_mve.h>

// Of the windows of some pixels, on the stack.
#define PACKED_BYTES 8192
#define MOST_PIXELS 6
// Taps of a window.
#define MOST_TAPS 64

#define UNROLL _Pragma("clang loop unroll(full)")

// `FixedPointMultiplier.apply` on four sums, for shifts to the right. VQRDMULH is the first rounding. VRSHL rounds halves up,
// which less one for negative numbers is away from zero.
static inline int32x4_t rescale(int32x4_t sums, int32x4_t multiplier, int32x4_t shift) {
    int32x4_t value = vqrdmulhq_s32(sums, multiplier);
    value = vaddq_s32(value, vshrq_n_s32(vandq_s32(value, shift), 31));
    return vrshlq_s32(value, shift);
}

// A shift to the left may wrap, which is left to the reference.
static int canRequantize(const SKRequantization *r, int32_t channels) {
    int32_t most = 0;
    for (int32_t c = 0; c < channels; c += 16) most = vmaxvq_s8((int8_t)most, vldrbq_s8(r->shift + c));
    return most == 0;
}

// Copies `count` channels of a pixel from `first` on. What lies behind them up to a whole quad meets weights of zero.
static uint8_t *packPixel(const SKInput *in, const uint8_t *pixel, const uint8_t *padPixel, int32_t first, int32_t count,
                          uint8_t *target) {
    if (in->channels && pixel != padPixel) {
        for (int32_t i = 0; i < count; i += 8) {
            mve_pred16_t mask = vctp16q((uint32_t)(count - i));
            uint16x8_t slots = vldrhq_z_u16(in->channels + first + i, mask);
            vstrbq_u16(target + i, vldrbq_gather_offset_z_u16(pixel, slots, mask));
        }
    } else {
        for (int32_t i = 0; i < count; i += 16)
            vstrbq_u8(target + i, vldrbq_z_u8(pixel + first + i, vctp8q((uint32_t)(count - i))));
    }
    return target + (count + 3) / 4 * 4;
}

// Windows of up to six pixels, and the weights that go with them.
typedef struct {
    const int8_t *packed;         // 16 bytes of each pixel in turn
    int32_t pixels;
    int32_t quads;                // in a window
    const int8_t *weights;        // of the group
    int32_t channel;              // the group's first output
    int32_t outputs;              // in the group
    const SKRequantization *requantization;
    const SKOutput *out;
    uint8_t *target;              // the first pixel to write
} Windows;

// Puts a window's bytes, less 128, where every `pixels` vectors one is its own.
static void spreadWindow(const uint8_t *window, int32_t count, int32_t pixels, int8_t *packed) {
    for (int32_t i = 0; i < count; i += 16, packed += pixels * 16) {
        uint8x16_t values = vldrbq_z_u8(window + i, vctp8q((uint32_t)(count - i)));
        vstrbq_u8((uint8_t *)packed, veorq_u8(values, vdupq_n_u8(0x80)));
    }
}

// The sums of one output over up to six windows, and the sum of its weights.
typedef struct {
    int32_t window[MOST_PIXELS];
    int32_t weights;
    int32_t unused;  // lanes are fetched a power of two apart
} Sums;

// The sums of a block of outputs for the windows of `pixels` pixels. VMLADAVA adds to a register of an even number, of which
// there are seven: six pixels and the weights. With one pointer for all pixels 6 x 16 products take 16 instructions; four
// pixels with a pointer each took 12 for 4 x 16.
static inline __attribute__((always_inline)) void sumBlock(const int8_t *packed, const int8_t *weights, int32_t quads,
                                                           int32_t outputs, Sums *sums, const int pixels) {
    const int32_t quadBytes = (outputs + 3) / 4 * 16;
    const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)quadBytes);
    for (const int8_t *end = weights + outputs * 4; weights < end; weights += 4, sums++) {
        int32_t total = 0, sum[MOST_PIXELS] = {0};
        const int8_t *w = weights, *values = packed;
        for (int32_t left = quads / 4; left > 0; left--, w += quadBytes * 4, values += pixels * 16) {
            int8x16_t four = vreinterpretq_s8_s32(vldrwq_gather_offset_s32((const int32_t *)w, offsets));
            total = vaddvaq_s8(total, four);
            UNROLL for (int p = 0; p < pixels; p++) sum[p] = vmladavaq_s8(sum[p], four, vldrbq_s8(values + p * 16));
        }
        if (quads & 3) {
            mve_pred16_t rest = vctp32q((uint32_t)quads & 3);
            int8x16_t four = vreinterpretq_s8_s32(vldrwq_gather_offset_z_s32((const int32_t *)w, offsets, rest));
            total = vaddvaq_s8(total, four);
            UNROLL for (int p = 0; p < pixels; p++) sum[p] = vmladavaq_s8(sum[p], four, vldrbq_s8(values + p * 16));
        }
        UNROLL for (int p = 0; p < pixels; p++) sums->window[p] = sum[p];
        sums->weights = total;
    }
}

// Functions of their own, so that their loops have the registers to themselves.
#define SUM_BLOCK(pixels)                                                                                             \
    static __attribute__((noinline)) void sumBlock##pixels(const int8_t *packed, const int8_t *weights, int32_t quads, \
                                                           int32_t outputs, Sums *sums) {                             \
        sumBlock(packed, weights, quads, outputs, sums, pixels);                                                      \
    }
SUM_BLOCK(1)
SUM_BLOCK(2)
SUM_BLOCK(3)
SUM_BLOCK(4)
SUM_BLOCK(5)
SUM_BLOCK(6)

// A block's sums to bytes, four outputs at a time. Where the activation cuts off everything below the zero point, as a ReLU
// does, a negative sum gives the lowest byte however its half is rounded: 12 instructions instead of 25.
static inline __attribute__((always_inline)) void storeBlock(const Windows *windows, int32_t first, int32_t outputs,
                                                             const Sums *sums, const int isRectified) {
    // Copies, for a byte that is written might be anything as far as the compiler knows.
    const SKRequantization r = *windows->requantization;
    const int32_t pixelBytes = windows->out->pixelBytes, pixels = windows->pixels;
    const int32_t *bias = r.bias + windows->channel + first, *multipliers = r.multiplier + windows->channel + first;
    const int8_t *shifts = r.shift + windows->channel + first;
    const uint16_t *table = windows->out->channels;
    const int32x4_t low = vdupq_n_s32(r.low), high = vdupq_n_s32(r.high);
    const uint32x4_t lanes = vidupq_n_u32(0, 8);
    uint32_t channel = (uint32_t)(windows->channel + first);
    for (; outputs > 0; outputs -= 4, bias += 4, multipliers += 4, shifts += 4, channel += 4, sums += 4) {
        const mve_pred16_t mask = vctp32q((uint32_t)outputs);
        const int32x4_t multiplier = vldrwq_s32(multipliers), shift = vldrbq_s32(shifts);
        const int32x4_t weights = vldrwq_gather_shifted_offset_s32(&sums->weights, lanes);
        const int32x4_t start = vaddq_s32(vldrwq_s32(bias), vshlq_n_s32(weights, 7));
        const uint32x4_t slots = table ? vldrhq_z_u32(table + channel, mask) : vidupq_n_u32(channel, 1);
        uint8_t *target = windows->target;
        for (int32_t p = 0; p < pixels; p++, target += pixelBytes) {
            int32x4_t sum = vldrwq_gather_shifted_offset_s32(sums->window + p, lanes);
            sum = vaddq_s32(sum, start);
            int32x4_t value = isRectified ? vrshlq_s32(vqrdmulhq_s32(sum, multiplier), shift) : rescale(sum, multiplier, shift);
            value = vaddq_n_s32(value, r.zeroPoint);
            vstrbq_scatter_offset_p_s32((int8_t *)target, slots, vminq_s32(vmaxq_s32(value, low), high), mask);
        }
    }
}

static __attribute__((noinline)) void storeAny(const Windows *windows, int32_t first, int32_t outputs, const Sums *sums) {
    storeBlock(windows, first, outputs, sums, 0);
}

static __attribute__((noinline)) void storeRectified(const Windows *windows, int32_t first, int32_t outputs, const Sums *sums) {
    storeBlock(windows, first, outputs, sums, 1);
}

// All outputs of a group.
static void convolveWindows(const Windows *windows) {
    static void (*const sumBlocks[])(const int8_t *, const int8_t *, int32_t, int32_t, Sums *) = {
        sumBlock1, sumBlock2, sumBlock3, sumBlock4, sumBlock5, sumBlock6};
    const SKRequantization *r = windows->requantization;
    Sums sums[16];
    const int8_t *weights = windows->weights;
    for (int32_t done = 0; done < windows->outputs; done += 16) {
        const int32_t outputs = windows->outputs - done < 16 ? windows->outputs - done : 16;
        sumBlocks[windows->pixels - 1](windows->packed, weights, windows->quads, outputs, sums);
        (r->low >= r->zeroPoint ? storeRectified : storeAny)(windows, done, outputs, sums);
        weights += (outputs + 3) / 4 * 16 * windows->quads;
    }
}

// How the taps of a kernel row, at most four of at most a quad each, are gathered at once: lane i takes the byte at
// `offsets[i]`.
typedef struct {
    uint8x16_t offsets;
    mve_pred16_t mask;
    int32_t rowBytes;             // of the packed row; 0 where rows are not like that
} NarrowRows;

static NarrowRows narrowRows(const SKInput *in, const SKWindow *window, const SKConvolution *convolution) {
    NarrowRows rows = {.rowBytes = 0};
    int32_t width = window->kernelWidth, inputs = convolution->groupInputs;
    if (in->channels || convolution->groups != 1 || inputs > 4 || width < 2 || width > 4) return rows;
    uint8_t offsets[16] = {0}, isThere[16] = {0};
    for (int32_t i = 0; i < width * 4; i++) {
        offsets[i] = (uint8_t)(i / 4 * window->dilation * in->pixelBytes + i % 4);
        isThere[i] = i % 4 < inputs;
    }
    rows.offsets = vldrbq_u8(offsets);
    rows.mask = vcmpneq_n_u8(vldrbq_u8(isThere), 0);
    if (3 * window->dilation * in->pixelBytes < 256) rows.rowBytes = width * 4;
    return rows;
}

// Whether the rows under output x's window are gathered: it reaches no padding beside them.
static int isGathered(const SKInput *in, const SKWindow *window, int32_t x, const NarrowRows *narrow) {
    const int32_t first = x * window->stride - window->paddingLeft;
    return narrow->rowBytes && first >= 0 && first + (window->kernelWidth - 1) * window->dilation < in->width;
}

// Copies the window of output x. `taps` has its pixels, unless it is gathered.
static void packWindow(const SKInput *in, const SKWindow *window, const SKConvolution *convolution, int32_t x, int32_t group,
                       const uint8_t *const *taps, const NarrowRows *narrow, uint8_t *target) {
    const int32_t first = x * window->stride - window->paddingLeft, inputs = convolution->groupInputs;
    if (isGathered(in, window, x, narrow)) {
        for (int32_t ky = 0; ky < window->kernelHeight; ky++, target += narrow->rowBytes) {
            if (in->rows[ky]) {
                const uint8_t *pixels = in->rows[ky] + first * in->pixelBytes;
                vstrbq_u8(target, vldrbq_gather_offset_z_u8(pixels, narrow->offsets, narrow->mask));
            } else {
                for (int32_t kx = 0; kx < window->kernelWidth; kx++)
                    packPixel(in, convolution->padPixel, convolution->padPixel, 0, inputs, target + kx * 4);
            }
        }
        return;
    }
    for (int32_t tap = window->kernelHeight * window->kernelWidth; tap > 0; tap--, taps++)
        target = packPixel(in, *taps, convolution->padPixel, group * inputs, inputs, target);
}

static int convolve(const SKInput *in, const SKOutput *out, const SKWindow *window, const SKConvolution *convolution) {
    int32_t inputs = convolution->groupInputs, outputs = convolution->groupOutputs;
    int32_t tapCount = window->kernelHeight * window->kernelWidth, quads = tapCount * ((inputs + 3) / 4);
    // Whole vectors, and room for one more behind the last tap.
    const int32_t windowBytes = (quads * 4 + 15) / 16 * 16 + 16;
    int32_t most = PACKED_BYTES / windowBytes - 1;
    if (most < 1 || tapCount > MOST_TAPS) return 0;
    if (!canRequantize(&convolution->requantization, outputs * convolution->groups)) return 0;
    // Equal parts of the row.
    most = most < MOST_PIXELS ? most : MOST_PIXELS;
    const int32_t parts = (out->width + most - 1) / most;
    most = (out->width + parts - 1) / parts;
    int8_t packed[windowBytes * most];
    uint8_t one[windowBytes];
    const uint8_t *taps[tapCount * most];
    const NarrowRows narrow = narrowRows(in, window, convolution);
    // A pixel that is its own window.
    const int isPlain = tapCount == 1 && !window->paddingLeft && in->rows[0] && !in->channels &&
                        (out->width - 1) * window->stride < in->width;
    for (int32_t x = 0, pixels; x < out->width; x += pixels) {
        pixels = most < out->width - x ? most : out->width - x;
        for (int32_t p = 0; p < pixels && !isPlain; p++)
            if (!isGathered(in, window, x + p, &narrow))
                sk_taps(in, window, convolution->padPixel, x + p, taps + p * tapCount, 1);
        for (int32_t group = 0; group < convolution->groups; group++) {
            for (int32_t p = 0; p < pixels; p++) {
                if (isPlain) {
                    const uint8_t *pixel = in->rows[0] + (x + p) * window->stride * in->pixelBytes;
                    spreadWindow(pixel + group * inputs, inputs, pixels, packed + p * 16);
                } else {
                    packWindow(in, window, convolution, x + p, group, taps + p * tapCount, &narrow, one);
                    spreadWindow(one, quads * 4, pixels, packed + p * 16);
                }
            }
            const Windows windows = {
                .packed = packed, .pixels = pixels, .quads = quads,
                .weights = convolution->weights + group * ((outputs + 3) / 4 * 4) * quads * 4,
                .channel = group * outputs, .outputs = outputs, .requantization = &convolution->requantization,
                .out = out, .target = out->start + x * out->pixelBytes};
            convolveWindows(&windows);
        }
    }
    return 1;
}

#include "armmvechannels.h"

#define NAME "armmve"
#include "armtable.h"
#endif
