// What the kernels of Arm's microcontroller cores share: the pixel under a tap, and the way from accumulators to bytes.
#ifndef SWIFTLET_ARMWINDOW_H
#define SWIFTLET_ARMWINDOW_H
#include "CSwiftletKernels.h"

// The pixels that the taps of output x read, tap by tap, `step` entries apart; what padding holds where there is none.
static inline void sk_taps(const SKInput *in, const SKWindow *window, const uint8_t *padPixel, int32_t x, const uint8_t **taps,
                           int32_t step) {
    const int32_t first = x * window->stride - window->paddingLeft, width = in->width;
    const int32_t stepBytes = window->dilation * in->pixelBytes;
    for (int32_t ky = 0; ky < window->kernelHeight; ky++) {
        const uint8_t *row = in->rows[ky], *pixel = row + first * in->pixelBytes;
        int32_t column = row ? first : width;
        for (int32_t kx = window->kernelWidth; kx > 0; kx--, column += window->dilation, pixel += stepBytes, taps += step)
            *taps = (uint32_t)column < (uint32_t)width ? pixel : padPixel;
    }
}

// Channel `channel` of a pixel, which has a table only where it is no padding.
static inline uint32_t sk_byte(const SKInput *in, const uint8_t *pixel, const uint8_t *padPixel, int32_t channel) {
    return pixel[in->channels && pixel != padPixel ? in->channels[channel] : channel];
}

// Both inputs of an addition are shifted to the left by this first: `AddLayout.leftShift`.
#define SK_ADDITION_SHIFT 20

// `FixedPointMultiplier.apply`.
//
// The right shift by e rounds halves away from zero: floor((h - [h < 0] + 2^(e-1)) / 2^e), taken as two floors so that
// nothing overflows: the first product is within +-(2^31 - 2), for a multiplier is less than 1.
static inline __attribute__((always_inline)) int32_t sk_apply(int32_t value, int32_t multiplier, int32_t shift) {
    if (shift > 0) value = (int32_t)((uint32_t)value << shift);
    int32_t product = (int32_t)(((int64_t)value * multiplier + (1ll << 30)) >> 31);
    return shift < 0 ? (((product + (product >> 31)) >> (-shift - 1)) + 1) >> 1 : product;
}

// The same with the zero point and the clamp. The sum with the zero point may wrap, as the specification's does, which adds
// that of int8.
static inline __attribute__((always_inline)) uint8_t sk_requantize(int32_t sum, int32_t multiplier, int32_t shift,
                                                                   int32_t zeroPoint, int32_t low, int32_t high) {
    int32_t value = (int32_t)((uint32_t)sk_apply(sum, multiplier, shift) + (uint32_t)(zeroPoint - 128));
    return (uint8_t)((value < low - 128 ? low - 128 : value > high - 128 ? high - 128 : value) + 128);
}
#endif
