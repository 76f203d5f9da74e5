// What the kernels of Arm's microcontroller cores share: the pixel under a tap, and the way from accumulators to bytes.
#ifndef SWIFTLET_ARMWINDOW_H
#define SWIFTLET_ARMWINDOW_H
#include "CSwiftletKernels.h"

// The pixel that tap (ky, kx) of output x reads; what padding holds where there is none.
static inline const uint8_t *sk_tap(const SKInput *in, const SKWindow *window, const uint8_t *padPixel, int32_t x, int32_t ky,
                                    int32_t kx) {
    int32_t column = x * window->stride - window->paddingLeft + kx * window->dilation;
    const uint8_t *row = in->rows[ky];
    return row && column >= 0 && column < in->width ? row + column * in->pixelBytes : padPixel;
}

// Channel `channel` of a pixel, which has a table only where it is no padding.
static inline uint32_t sk_byte(const SKInput *in, const uint8_t *pixel, const uint8_t *padPixel, int32_t channel) {
    return pixel[in->channels && pixel != padPixel ? in->channels[channel] : channel];
}

// One output channel's way from accumulators to bytes.
typedef struct {
    int32_t multiplier;
    int32_t left, right;   // shifts, one of them zero
    int32_t zeroPoint, low, high;
} SKScale;

static inline SKScale sk_scale(const SKRequantization *r, int32_t channel) {
    int32_t shift = r->shift[channel];
    return (SKScale){r->multiplier[channel], shift > 0 ? shift : 0, shift < 0 ? -shift : 0, r->zeroPoint, r->low, r->high};
}

// `FixedPointMultiplier.apply`, the zero point and the clamp.
//
// The right shift by e rounds halves away from zero: floor((h - [h < 0] + 2^(e-1)) / 2^e), taken as two floors so that
// nothing overflows: the first product is within +-(2^31 - 2), for a multiplier is less than 1.
static inline uint8_t sk_requantize(int32_t sum, const SKScale *scale) {
    int64_t product = (int64_t)(int32_t)((uint32_t)sum << scale->left) * scale->multiplier;
    int32_t high = (int32_t)((product + (1ll << 30)) >> 31);
    int32_t rounded = scale->right ? (((high + (high >> 31)) >> (scale->right - 1)) + 1) >> 1 : high;
    int32_t value = rounded + scale->zeroPoint;
    return (uint8_t)(value < scale->low ? scale->low : value > scale->high ? scale->high : value);
}

static inline uint8_t *sk_slot(const SKOutput *out, int32_t x, int32_t channel) {
    return out->start + x * out->pixelBytes + (out->channels ? out->channels[channel] : channel);
}
#endif
