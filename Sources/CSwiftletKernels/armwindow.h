// What the kernels of Arm's microcontroller cores share: the pixel under a tap, and the way from accumulators to bytes.
#ifndef SWIFTLET_ARMWINDOW_H
#define SWIFTLET_ARMWINDOW_H
#include "CSwiftletKernels.h"

// The pixels that the taps of output x read, tap by tap, `step` entries apart; what padding holds where there is none.
static inline void sk_taps(const SKInput *in, const SKWindow *window, const uint8_t *padPixel, int32_t x, const uint8_t **taps,
                           int32_t step) {
    const int32_t first = x * window->stride - window->paddingLeft, width = in->width, stepBytes = window->dilation * in->pixelBytes;
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

// `FixedPointMultiplier.apply`, the zero point and the clamp.
//
// The right shift by e rounds halves away from zero: floor((h - [h < 0] + 2^(e-1)) / 2^e), taken as two floors so that
// nothing overflows: the first product is within +-(2^31 - 2), for a multiplier is less than 1.
static inline __attribute__((always_inline)) uint8_t sk_requantize(int32_t sum, int32_t multiplier, int32_t shift,
                                                                   int32_t zeroPoint, int32_t low, int32_t high) {
    if (shift > 0) sum = (int32_t)((uint32_t)sum << shift);
    int32_t product = (int32_t)(((int64_t)sum * multiplier + (1ll << 30)) >> 31);
    if (shift < 0) product = (((product + (product >> 31)) >> (-shift - 1)) + 1) >> 1;
    int32_t value = product + zeroPoint;
    return (uint8_t)(value < low ? low : value > high ? high : value);
}

// Writes channels `channel ..< channel + count` of a pixel. The sums have their bias already.
__attribute__((unused)) static __attribute__((noinline)) void sk_store(const SKRequantization *r, const int32_t *sums, const SKOutput *out, int32_t x,
                                               int32_t channel, int32_t count) {
    const int32_t zeroPoint = r->zeroPoint, low = r->low, high = r->high;
    const int32_t *multiplier = r->multiplier + channel;
    const int8_t *shift = r->shift + channel;
    uint8_t *pixel = out->start + x * out->pixelBytes;
    const uint16_t *slots = out->channels;
    if (slots) {
        slots += channel;
        for (int32_t i = 0; i < count; i++)
            pixel[slots[i]] = sk_requantize(sums[i], multiplier[i], shift[i], zeroPoint, low, high);
    } else {
        pixel += channel;
        for (int32_t i = 0; i < count; i++)
            pixel[i] = sk_requantize(sums[i], multiplier[i], shift[i], zeroPoint, low, high);
    }
}
#endif
