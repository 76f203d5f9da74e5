// What the kernels for the DSP extension share: bytes extended to pairs of 16 bits, and the way from sums to bytes.
#ifndef SWIFTLET_ARMDSP_H
#define SWIFTLET_ARMDSP_H
#include "armwindow.h"
#include <arm_acle.h>

// The first and third byte of a word in 16 bits each; the second and fourth.
static inline uint32_t evenBytes(uint32_t word) { return __uxtb16(word); }
static inline uint32_t oddBytes(uint32_t word) { return __uxtb16(__ror(word, 8)); }
static inline int16x2_t evenWeights(int32_t word) { return __sxtb16((uint32_t)word); }
static inline int16x2_t oddWeights(int32_t word) { return __sxtb16(__ror((uint32_t)word, 8)); }

static inline uint32_t loadWord(const uint8_t *bytes) {
    uint32_t word;
    __builtin_memcpy(&word, bytes, 4);
    return word;
}

// One channel's way from sums to bytes, when it shifts to the right by one or more: `sk_requantize` in ten instructions.
typedef struct {
    int32_t doubled;              // twice the multiplier, wrapped
    int32_t shiftLessOne;
    int32_t zeroPoint, low, high;
} RightScale;

static inline RightScale rightScale(const SKRequantization *r, int32_t multiplier, int32_t shift) {
    return (RightScale){(int32_t)((uint32_t)multiplier << 1), -shift - 1, r->zeroPoint, r->low, r->high};
}

// (sum * multiplier + 2^30) >> 31 is (sum * 2 multiplier + 2^31) >> 32, which is SMMLAR; where twice the multiplier wraps to a
// negative number, 2^32 times the sum is added to make good for it.
static inline uint8_t scaleRight(int32_t sum, RightScale scale) {
    int32_t product;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(product) : "r"(sum), "r"(scale.doubled), "r"(sum & (scale.doubled >> 31)));
    int32_t value = ((((product + (product >> 31)) >> scale.shiftLessOne) + 1) >> 1) + scale.zeroPoint;
    if (scale.low == 0 && scale.high == 255) return (uint8_t)__usat(value, 8);
    return (uint8_t)(value < scale.low ? scale.low : value > scale.high ? scale.high : value);
}

static inline uint32_t *putWord(uint32_t *target, uint32_t word, int32_t step) {
    target[0] = evenBytes(word);
    target[1] = oddBytes(word);
    return target + step;
}

// Extends channels `first ..< first + count` of the pixels under a window; each quad of them goes to two words, `step` words
// apart. Missing ones of the last quad are zero.
static __attribute__((noinline)) void packWindow(const SKInput *in, const uint8_t *const *taps, int32_t tapCount,
                                                 const uint8_t *padPixel, int32_t first, int32_t count, uint32_t *target,
                                                 const int32_t step) {
    const uint8_t *const *end = taps + tapCount;
    const int32_t last = first + count;
    if (!in->channels && count == 3) {
        for (; taps != end; taps++, target += step) {
            const uint8_t *pixel = *taps + first;
            target[0] = pixel[0] | (uint32_t)pixel[2] << 16;
            target[1] = pixel[1];
        }
        return;
    }
    for (; taps != end; taps++) {
        const uint8_t *pixel = *taps;
        int32_t channel = first;
        if (!in->channels || pixel == padPixel)
            for (; channel + 4 <= last; channel += 4) target = putWord(target, loadWord(pixel + channel), step);
        for (; channel < last; channel += 4) {
            uint32_t word = sk_byte(in, pixel, padPixel, channel);
            if (channel + 1 < last) word |= sk_byte(in, pixel, padPixel, channel + 1) << 8;
            if (channel + 2 < last) word |= sk_byte(in, pixel, padPixel, channel + 2) << 16;
            if (channel + 3 < last) word |= sk_byte(in, pixel, padPixel, channel + 3) << 24;
            target = putWord(target, word, step);
        }
    }
}
#endif
