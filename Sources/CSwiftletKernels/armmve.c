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

// `FixedPointMultiplier.apply`, the zero point and the clamp, for four channels from `channel` on, written to one pixel. VQRDMULH
// is the first rounding; VRSHL rounds halves up, which less one for negative numbers is away from zero.
static inline void storeFour(const SKRequantization *r, const int32_t *sums, const SKOutput *out, uint8_t *pixel,
                             int32_t channel, mve_pred16_t mask) {
    int32x4_t shift = vldrbq_s32(r->shift + channel), zero = vdupq_n_s32(0);
    int32x4_t value = vshlq_s32(vldrwq_s32(sums), vmaxq_s32(shift, zero));
    value = vqrdmulhq_s32(value, vldrwq_s32(r->multiplier + channel));
    shift = vminq_s32(shift, zero);
    value = vaddq_s32(value, vshrq_n_s32(vandq_s32(value, shift), 31));
    value = vaddq_n_s32(vrshlq_s32(value, shift), r->zeroPoint);
    value = vminq_s32(vmaxq_s32(value, vdupq_n_s32(r->low)), vdupq_n_s32(r->high));
    if (out->channels) {
        uint32x4_t slots = vldrhq_z_u32(out->channels + channel, mask);
        vstrbq_scatter_offset_p_s32((int8_t *)pixel, slots, value, mask);
    } else {
        vstrbq_p_s32((int8_t *)pixel + channel, value, mask);
    }
}

// Writes channels `channel ..< channel + count` of a pixel.
static __attribute__((noinline)) void store(const SKRequantization *r, const int32_t *sums, const SKOutput *out, int32_t x,
                                            int32_t channel, int32_t count) {
    uint8_t *pixel = out->start + x * out->pixelBytes;
    for (int32_t i = 0; i < count; i += 4) storeFour(r, sums + i, out, pixel, channel + i, vctp32q((uint32_t)(count - i)));
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

// Windows of pixels, and the weights that go with them.
typedef struct {
    const int8_t *packed;
    int32_t windowBytes;          // from one pixel's window to the next
    int32_t quads;                // in a window
    const int8_t *weights;        // of the first quad of the first output
    int32_t quadBytes;            // from a quad's weights to the next quad's
    const int32_t *bias;
    int32_t outputs;
} Block;

// The sums of a block's outputs for `pixels` pixels: those of pixel p begin at `target[16 * p]`.
static inline __attribute__((always_inline)) void sumBlock(const Block *block, int32_t *target, const int pixels) {
    const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)block->quadBytes);
    const int32_t step = block->quadBytes * 4;
    for (int32_t output = 0; output < block->outputs; output++) {
        int32_t total = 0, sums[MOST_PIXELS] = {0, 0, 0, 0};
        const int8_t *weights = block->weights + output * 4, *packed[MOST_PIXELS];
        UNROLL for (int p = 0; p < pixels; p++) packed[p] = block->packed + p * block->windowBytes;
        for (int32_t left = block->quads / 4; left > 0; left--, weights += step) {
            int8x16_t w = vreinterpretq_s8_s32(vldrwq_gather_offset_s32((const int32_t *)weights, offsets));
            total = vaddvaq_s8(total, w);
            UNROLL for (int p = 0; p < pixels; p++) {
                sums[p] = vmladavaq_s8(sums[p], w, vldrbq_s8(packed[p]));
                packed[p] += 16;
            }
        }
        if (block->quads & 3) {
            mve_pred16_t mask = vctp32q((uint32_t)block->quads & 3);
            int8x16_t w = vreinterpretq_s8_s32(vldrwq_gather_offset_z_s32((const int32_t *)weights, offsets, mask));
            total = vaddvaq_s8(total, w);
            UNROLL for (int p = 0; p < pixels; p++) sums[p] = vmladavaq_s8(sums[p], w, vldrbq_s8(packed[p]));
        }
        total = total * 128 + block->bias[output];
        UNROLL for (int p = 0; p < pixels; p++) target[p * 16 + output] = sums[p] + total;
    }
}

// Functions of their own, so that their loops have the registers to themselves.
static __attribute__((noinline)) void sumOne(const Block *block, int32_t *target) { sumBlock(block, target, 1); }
static __attribute__((noinline)) void sumTwo(const Block *block, int32_t *target) { sumBlock(block, target, 2); }
static __attribute__((noinline)) void sumFour(const Block *block, int32_t *target) { sumBlock(block, target, 4); }

// All outputs of one group for `pixels` (1 to 4) pixels from x on.
static void convolveGroup(const SKOutput *out, const SKConvolution *convolution, int32_t x, int32_t group, int32_t quads,
                          const int8_t *packed, int32_t windowBytes, int32_t pixels) {
    const SKRequantization *r = &convolution->requantization;
    int32_t outputs = convolution->groupOutputs;
    Block block = {.packed = packed, .windowBytes = windowBytes, .quads = quads,
                   .weights = convolution->weights + group * ((outputs + 3) / 4 * 4) * quads * 4};
    for (int32_t done = 0; done < outputs; done += 16) {
        int32_t channel = group * outputs + done, sums[MOST_PIXELS][16];
        block.outputs = outputs - done < 16 ? outputs - done : 16;
        block.quadBytes = (block.outputs + 3) / 4 * 16;
        block.bias = r->bias + channel;
        (pixels == 1 ? sumOne : pixels == 2 ? sumTwo : sumFour)(&block, sums[0]);
        for (int32_t p = 0; p < pixels; p++) store(r, sums[p], out, x + p, channel, block.outputs);
        block.weights += block.quadBytes * quads;
    }
}

static int convolve(const SKInput *in, const SKOutput *out, const SKWindow *window, const SKConvolution *convolution) {
    int32_t inputs = convolution->groupInputs, tapCount = window->kernelHeight * window->kernelWidth;
    int32_t quads = tapCount * ((inputs + 3) / 4);
    // Room for a whole vector behind the last quad.
    int32_t windowBytes = (quads * 4 + 15) / 16 * 16 + 16;
    if (windowBytes * MOST_PIXELS > PACKED_BYTES || tapCount > MOST_TAPS) return 0;
    // Three pixels are summed as four, of which the last is not stored.
    int32_t most = out->width < 3 ? out->width : MOST_PIXELS;
    int8_t packed[windowBytes * most];
    const uint8_t *taps[tapCount * most];
    for (int32_t x = 0; x < out->width; x += most) {
        int32_t pixels = most < out->width - x ? most : out->width - x;
        for (int32_t p = 0; p < pixels; p++) sk_taps(in, window, convolution->padPixel, x + p, taps + p * tapCount, 1);
        for (int32_t group = 0; group < convolution->groups; group++) {
            for (int32_t p = 0; p < pixels; p++) {
                int8_t *target = packed + p * windowBytes;
                for (int32_t tap = p * tapCount; tap < (p + 1) * tapCount; tap++)
                    target = packPixel(in, taps[tap], convolution->padPixel, group * inputs, inputs, target);
            }
            convolveGroup(out, convolution, x, group, quads, packed, windowBytes, pixels);
        }
    }
    return 1;
}

// Eight channels (or the `count` that there are) of `pixels` pixels. `taps` has the pixel of each tap, those of the pixels in turn.
static inline __attribute__((always_inline)) void sumEight(const SKConvolution *convolution, int32_t channel, int32_t count,
                                                           const uint8_t *const *taps, int32_t tapCount, int32_t *target,
                                                           const int pixels) {
    const mve_pred16_t mask = vctp16q((uint32_t)count);
    int32x4x2_t bias = vld2q_s32(convolution->requantization.bias + channel), sums[2] = {bias, bias};
    const int8_t *weights = convolution->weights + channel;
    for (; tapCount > 0; tapCount--, taps += pixels, weights += convolution->paddedChannels) {
        int16x8_t w = vldrbq_s16(weights);
        UNROLL for (int p = 0; p < pixels; p++) {
            int16x8_t values = vreinterpretq_s16_u16(vldrbq_z_u16(taps[p] + channel, mask));
            sums[p].val[0] = vaddq_s32(sums[p].val[0], vmullbq_int_s16(values, w));
            sums[p].val[1] = vaddq_s32(sums[p].val[1], vmulltq_int_s16(values, w));
        }
    }
    UNROLL for (int p = 0; p < pixels; p++) vst2q_s32(target + p * 8, sums[p]);
}

static int convolveDepthwise(const SKInput *in, const SKOutput *out, const SKWindow *window,
                             const SKConvolution *convolution) {
    int32_t count = window->kernelHeight * window->kernelWidth, channels = convolution->groups;
    if (convolution->groupOutputs != 1 || in->channels || count > MOST_TAPS) return 0;
    const uint8_t *taps[count * 2];
    for (int32_t x = 0; x < out->width; x += 2) {
        int32_t pixels = out->width - x < 2 ? 1 : 2;
        for (int32_t p = 0; p < pixels; p++) sk_taps(in, window, convolution->padPixel, x + p, taps + p, pixels);
        for (int32_t channel = 0; channel < channels; channel += 8) {
            int32_t taken = channels - channel < 8 ? channels - channel : 8, sums[16];
            if (pixels == 2) {
                sumEight(convolution, channel, taken, taps, count, sums, 2);
            } else {
                sumEight(convolution, channel, taken, taps, count, sums, 1);
            }
            for (int p = 0; p < pixels; p++)
                store(&convolution->requantization, sums + p * 8, out, x + p, channel, taken);
        }
    }
    return 1;
}

#define NAME "armmve"
#include "armtable.h"
#endif
