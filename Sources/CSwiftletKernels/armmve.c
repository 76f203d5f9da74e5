// Kernels for cores with the vector extension Helium (Cortex-M55): sixteen products an instruction.
//
// VMLADAVA sums products of signed bytes over a whole vector. So convolution copies the pixels under the window once, less
// 128, gathers sixteen weights of one output from their quads, and multiplies them with four pixels; 128 times the sum of
// the weights makes good for the 128. Depthwise convolution widens eight channels to 16 bits. What they do not do: rows whose
// window is larger than PACKED_BYTES, channel multipliers, and depthwise inputs with a table of channels.
#if defined(__ARM_FEATURE_MVE)
#include "armwindow.h"
#include <arm_mve.h>

// Of the windows of four pixels, on the stack.
#define PACKED_BYTES 8192
#define MOST_PIXELS 4
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

// Copies `count` channels of a pixel from `first` on, less 128. What lies behind them up to a whole quad meets weights of zero.
static int8_t *packPixel(const SKInput *in, const uint8_t *pixel, const uint8_t *padPixel, int32_t first, int32_t count,
                         int8_t *target) {
    if (in->channels && pixel != padPixel) {
        for (int32_t i = 0; i < count; i += 8) {
            mve_pred16_t mask = vctp16q((uint32_t)(count - i));
            uint16x8_t slots = vldrhq_z_u16(in->channels + first + i, mask);
            uint16x8_t values = vldrbq_gather_offset_z_u16(pixel, slots, mask);
            vstrbq_u16((uint8_t *)target + i, veorq_u16(values, vdupq_n_u16(0x80)));
        }
    } else {
        for (int32_t i = 0; i < count; i += 16) {
            uint8x16_t values = vldrbq_z_u8(pixel + first + i, vctp8q((uint32_t)(count - i)));
            vstrbq_u8((uint8_t *)target + i, veorq_u8(values, vdupq_n_u8(0x80)));
        }
    }
    return target + (count + 3) / 4 * 4;
}

// Windows of up to four pixels, and the weights that go with them.
typedef struct {
    const int8_t *packed;
    int32_t windowBytes;          // from one pixel's window to the next
    int32_t quads;                // in a window
    const int8_t *weights;        // of the group
    int32_t channel;              // the group's first output
    int32_t outputs;              // in the group
    const SKRequantization *requantization;
    const SKOutput *out;
    uint8_t *target;              // the first pixel to write
    int32_t pixels;               // to write
} Windows;

// All outputs of a group for the windows of `lanes` (1, 2 or 4) pixels: the sums of one output stand in one vector.
static inline __attribute__((always_inline)) void convolveWindows(const Windows *windows, const int lanes) {
    // Copies, for a byte that is written might be anything as far as the compiler knows.
    const SKRequantization r = *windows->requantization;
    const int32_t windowBytes = windows->windowBytes, quads = windows->quads, count = windows->outputs;
    const int32_t *bias = r.bias + windows->channel, *multiplier = r.multiplier + windows->channel;
    const int8_t *shifts = r.shift + windows->channel, *block = windows->weights, *firstWindow = windows->packed;
    const uint16_t *slots = windows->out->channels ? windows->out->channels + windows->channel : 0;
    uint8_t *const target = windows->target, *next = target + windows->channel;
    const uint32_t pixels = (uint32_t)windows->pixels;
    const int32x4_t low = vdupq_n_s32(r.low), high = vdupq_n_s32(r.high);
    const uint32x4_t pixelOffsets = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)windows->out->pixelBytes);
    for (int32_t done = 0; done < count; done += 16) {
        const int32_t outputs = count - done < 16 ? count - done : 16;
        const int32_t quadBytes = (outputs + 3) / 4 * 16, step = quadBytes * 4;
        const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)quadBytes);
        for (int32_t output = 0; output < outputs; output++) {
            int32_t total = 0, sums[4] = {0, 0, 0, 0};
            const int8_t *weights = block + output * 4, *packed[4];
            UNROLL for (int p = 0; p < lanes; p++) packed[p] = firstWindow + p * windowBytes;
            for (int32_t left = quads / 4; left > 0; left--, weights += step) {
                int8x16_t w = vreinterpretq_s8_s32(vldrwq_gather_offset_s32((const int32_t *)weights, offsets));
                total = vaddvaq_s8(total, w);
                UNROLL for (int p = 0; p < lanes; p++) {
                    sums[p] = vmladavaq_s8(sums[p], w, vldrbq_s8(packed[p]));
                    packed[p] += 16;
                }
            }
            if (quads & 3) {
                mve_pred16_t rest = vctp32q((uint32_t)quads & 3);
                int8x16_t w = vreinterpretq_s8_s32(vldrwq_gather_offset_z_s32((const int32_t *)weights, offsets, rest));
                total = vaddvaq_s8(total, w);
                UNROLL for (int p = 0; p < lanes; p++) sums[p] = vmladavaq_s8(sums[p], w, vldrbq_s8(packed[p]));
            }
            const int32_t shift = *shifts++;
            int32x4_t value = {sums[0], sums[1], sums[2], sums[3]};
            value = vaddq_n_s32(value, total * 128 + *bias++);
            value = vqrdmulhq_n_s32(value, *multiplier++);
            if (shift < 0) value = vrshlq_n_s32(vaddq_s32(value, vshrq_n_s32(value, 31)), shift);
            value = vminq_s32(vmaxq_s32(vaddq_n_s32(value, r.zeroPoint), low), high);
            uint8_t *byte = slots ? target + *slots++ : next++;
            vstrbq_scatter_offset_p_s32((int8_t *)byte, pixelOffsets, value, vctp32q(pixels));
        }
        block += quadBytes * quads;
    }
}

// Functions of their own, so that their loops have the registers to themselves.
static __attribute__((noinline)) void convolveOne(const Windows *windows) { convolveWindows(windows, 1); }
static __attribute__((noinline)) void convolveTwo(const Windows *windows) { convolveWindows(windows, 2); }
static __attribute__((noinline)) void convolveFour(const Windows *windows) { convolveWindows(windows, 4); }

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

// Copies the window of output x, less 128. `taps` has its pixels, unless it is gathered.
static void packWindow(const SKInput *in, const SKWindow *window, const SKConvolution *convolution, int32_t x, int32_t group,
                       const uint8_t *const *taps, const NarrowRows *narrow, int8_t *target) {
    const int32_t first = x * window->stride - window->paddingLeft, inputs = convolution->groupInputs;
    if (isGathered(in, window, x, narrow)) {
        for (int32_t ky = 0; ky < window->kernelHeight; ky++, target += narrow->rowBytes) {
            if (in->rows[ky]) {
                const uint8_t *pixels = in->rows[ky] + first * in->pixelBytes;
                uint8x16_t values = vldrbq_gather_offset_z_u8(pixels, narrow->offsets, narrow->mask);
                vstrbq_u8((uint8_t *)target, veorq_u8(values, vdupq_n_u8(0x80)));
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
    // Room for a whole vector behind the last quad.
    int32_t windowBytes = (quads * 4 + 15) / 16 * 16 + 16;
    if (windowBytes * MOST_PIXELS > PACKED_BYTES || tapCount > MOST_TAPS) return 0;
    if (!canRequantize(&convolution->requantization, outputs * convolution->groups)) return 0;
    // Three pixels are summed as four, of which the last is not stored.
    int32_t most = out->width < 3 ? out->width : MOST_PIXELS;
    int8_t packed[windowBytes * most];
    const uint8_t *taps[tapCount * most];
    const NarrowRows narrow = narrowRows(in, window, convolution);
    // Pixels without anything between them are copied together.
    int isDense = tapCount == 1 && window->stride == 1 && !window->paddingLeft && in->rows[0] && !in->channels &&
                  in->pixelBytes == inputs && !(inputs & 3) && out->width <= in->width;
    if (isDense) windowBytes = inputs;
    for (int32_t x = 0; x < out->width; x += most) {
        int32_t pixels = most < out->width - x ? most : out->width - x;
        if (isDense) {
            packPixel(in, in->rows[0] + x * inputs, 0, 0, pixels * inputs, packed);
        } else {
            for (int32_t p = 0; p < pixels; p++)
                if (!isGathered(in, window, x + p, &narrow))
                    sk_taps(in, window, convolution->padPixel, x + p, taps + p * tapCount, 1);
        }
        for (int32_t group = 0; group < convolution->groups; group++) {
            for (int32_t p = 0; p < pixels && !isDense; p++)
                packWindow(in, window, convolution, x + p, group, taps + p * tapCount, &narrow, packed + p * windowBytes);
            Windows windows = {
                .packed = packed, .windowBytes = windowBytes, .quads = quads,
                .weights = convolution->weights + group * ((outputs + 3) / 4 * 4) * quads * 4,
                .channel = group * outputs, .outputs = outputs, .requantization = &convolution->requantization,
                .out = out, .target = out->start + x * out->pixelBytes, .pixels = pixels};
            (pixels == 1 ? convolveOne : pixels == 2 ? convolveTwo : convolveFour)(&windows);
        }
    }
    return 1;
}

// Channels of `pixels` neighbouring outputs from x on, eight at a time: those with even numbers in one vector of sums, those
// with odd ones in another. `taps` has the pixel of each tap, those of the pixels in turn.
static inline __attribute__((always_inline)) void depthwisePixels(const SKOutput *out, const SKConvolution *convolution,
                                                                  int32_t x, const uint8_t *const *taps, int32_t tapCount,
                                                                  const int pixels) {
    const SKRequantization *r = &convolution->requantization;
    const int32_t channels = convolution->groups;
    for (int32_t channel = 0; channel < channels; channel += 8) {
        const mve_pred16_t mask = vctp16q((uint32_t)(channels - channel));
        int32x4x2_t bias = vld2q_s32(r->bias + channel), sums[2] = {bias, bias};
        const int8_t *weights = convolution->weights + channel;
        const uint8_t *const *tap = taps;
        for (int32_t left = tapCount; left > 0; left--, weights += convolution->paddedChannels) {
            int16x8_t w = vldrbq_s16(weights);
            UNROLL for (int p = 0; p < pixels; p++) {
                int16x8_t values = vreinterpretq_s16_u16(vldrbq_z_u16(*tap++ + channel, mask));
                sums[p].val[0] = vaddq_s32(sums[p].val[0], vmullbq_int_s16(values, w));
                sums[p].val[1] = vaddq_s32(sums[p].val[1], vmulltq_int_s16(values, w));
            }
        }
        int16x8_t shift = vldrbq_s16(r->shift + channel);
        int32x4x2_t multiplier = vld2q_s32(r->multiplier + channel);
        const int32x4_t even = vmovlbq_s16(shift), odd = vmovltq_s16(shift);
        UNROLL for (int p = 0; p < pixels; p++) {
            int32x4_t first = rescale(sums[p].val[0], multiplier.val[0], even);
            int32x4_t second = rescale(sums[p].val[1], multiplier.val[1], odd);
            int16x8_t value = vqmovntq_s32(vqmovnbq_s32(vdupq_n_s16(0), first), second);
            value = vqaddq_n_s16(value, (int16_t)r->zeroPoint);
            value = vminq_s16(vmaxq_s16(value, vdupq_n_s16(r->low)), vdupq_n_s16(r->high));
            uint8_t *pixel = out->start + (x + p) * out->pixelBytes;
            if (out->channels) {
                vstrbq_scatter_offset_p_s16((int8_t *)pixel, vldrhq_z_u16(out->channels + channel, mask), value, mask);
            } else {
                vstrbq_p_s16((int8_t *)pixel + channel, value, mask);
            }
        }
    }
}

static __attribute__((noinline)) void depthwiseOne(const SKOutput *out, const SKConvolution *convolution, int32_t x,
                                                   const uint8_t *const *taps, int32_t tapCount) {
    depthwisePixels(out, convolution, x, taps, tapCount, 1);
}

static __attribute__((noinline)) void depthwiseTwo(const SKOutput *out, const SKConvolution *convolution, int32_t x,
                                                   const uint8_t *const *taps, int32_t tapCount) {
    depthwisePixels(out, convolution, x, taps, tapCount, 2);
}

static int convolveDepthwise(const SKInput *in, const SKOutput *out, const SKWindow *window,
                             const SKConvolution *convolution) {
    int32_t count = window->kernelHeight * window->kernelWidth;
    if (convolution->groupOutputs != 1 || in->channels || count > MOST_TAPS) return 0;
    if (!canRequantize(&convolution->requantization, convolution->groups)) return 0;
    const uint8_t *taps[count * 2];
    for (int32_t x = 0; x < out->width; x += 2) {
        int32_t pixels = out->width - x < 2 ? 1 : 2;
        for (int32_t p = 0; p < pixels; p++) sk_taps(in, window, convolution->padPixel, x + p, taps + p, pixels);
        (pixels == 2 ? depthwiseTwo : depthwiseOne)(out, convolution, x, taps, count);
    }
    return 1;
}

// `rescale` by one number, in the steps of an addition.
static inline int32x4_t rescaleAll(int32x4_t values, int32_t multiplier, int32_t shift) {
    return rescale(values, vdupq_n_s32(multiplier), vdupq_n_s32(shift));
}

static int add(const SKInput *first, const SKInput *second, const SKOutput *out, const SKAddition *a) {
    if (first->channels || second->channels || out->channels || a->shift[0] > 0 || a->shift[1] > 0 || a->shift[2] > 0) return 0;
    for (int32_t x = 0; x < out->width; x++) {
        const uint8_t *left = first->rows[0] + x * first->pixelBytes, *right = second->rows[0] + x * second->pixelBytes;
        uint8_t *target = out->start + x * out->pixelBytes;
        for (int32_t channel = 0; channel < out->channelCount; channel += 4) {
            mve_pred16_t mask = vctp32q((uint32_t)(out->channelCount - channel));
            int32x4_t one = vreinterpretq_s32_u32(vldrbq_z_u32(left + channel, mask));
            int32x4_t two = vreinterpretq_s32_u32(vldrbq_z_u32(right + channel, mask));
            one = vshlq_n_s32(vsubq_n_s32(one, a->firstZeroPoint), SK_ADDITION_SHIFT);
            two = vshlq_n_s32(vsubq_n_s32(two, a->secondZeroPoint), SK_ADDITION_SHIFT);
            int32x4_t sum = vaddq_s32(rescaleAll(one, a->multiplier[0], a->shift[0]),
                                      rescaleAll(two, a->multiplier[1], a->shift[1]));
            sum = vaddq_n_s32(rescaleAll(sum, a->multiplier[2], a->shift[2]), a->zeroPoint);
            sum = vminq_s32(vmaxq_s32(sum, vdupq_n_s32(a->low)), vdupq_n_s32(a->high));
            vstrbq_p_s32((int8_t *)target + channel, sum, mask);
        }
    }
    return 1;
}

#define NAME "armmve"
#include "armtable.h"
#endif
