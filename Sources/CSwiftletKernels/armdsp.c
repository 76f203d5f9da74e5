// Kernels for cores with the DSP extension (Cortex-M4, M7): two products of 16 bits an instruction.
//
// Convolution extends the pixels under the window to 16 bits once, in pairs as SXTB16 leaves the weights, and then takes two
// outputs of two pixels at a time: 14 instructions for 16 products. Depthwise convolution takes four channels of two pixels.
// What they do not do: rows whose window is larger than PACKED_BYTES, and channel multipliers.
#if defined(__ARM_FEATURE_DSP) && !defined(__ARM_FEATURE_MVE)
#include "armwindow.h"
#include <arm_acle.h>

// Of the window, extended, on the stack.
#define PACKED_BYTES 8192
// Taps of a depthwise window.
#define MOST_TAPS 64

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

// Extends `count` channels of a pixel from `first` on; each quad of them goes to `target[0]` and `target[1]`, `step` words
// apart. Missing ones of the last quad are zero, as their weights are.
static uint32_t *packPixel(const SKInput *in, const uint8_t *pixel, const uint8_t *padPixel, int32_t first, int32_t count,
                           uint32_t *target, int32_t step) {
    int32_t channel = first, end = first + count;
    if (!in->channels || pixel == padPixel) {
        for (; channel + 4 <= end; channel += 4, target += step) {
            uint32_t word = loadWord(pixel + channel);
            target[0] = evenBytes(word);
            target[1] = oddBytes(word);
        }
    }
    for (; channel < end; channel += 4, target += step) {
        uint32_t word = 0;
        for (int32_t i = 0; i < 4 && channel + i < end; i++)
            word |= sk_byte(in, pixel, padPixel, channel + i) << (8 * i);
        target[0] = evenBytes(word);
        target[1] = oddBytes(word);
    }
    return target;
}

// The sums of two neighbouring outputs for `pixels` (1 or 2) pixels whose quads are in `packed`, in turn. `step` words lie
// between the weights of one quad and the next.
static inline __attribute__((always_inline)) void sumTwo(const uint32_t *packed, const uint32_t *end, const int32_t *weights,
                                                         const int32_t step, const int pixels, int32_t sums[2][2]) {
    int32_t a = sums[0][0], b = sums[0][1], c = sums[1][0], d = sums[1][1];
    do {
        int32_t first = weights[0], second = weights[1];
        weights += step;
        int16x2_t even = evenWeights(first), odd = oddWeights(first);
        a = __smlad(even, packed[0], a);
        a = __smlad(odd, packed[1], a);
        if (pixels == 2) {
            c = __smlad(even, packed[2], c);
            c = __smlad(odd, packed[3], c);
        }
        even = evenWeights(second), odd = oddWeights(second);
        b = __smlad(even, packed[0], b);
        b = __smlad(odd, packed[1], b);
        if (pixels == 2) {
            d = __smlad(even, packed[2], d);
            d = __smlad(odd, packed[3], d);
        }
        packed += pixels * 2;
    } while (packed != end);
    sums[0][0] = a, sums[0][1] = b, sums[1][0] = c, sums[1][1] = d;
}

// All outputs of one group for `pixels` pixels from x on.
static inline __attribute__((always_inline)) void convolveGroup(const SKOutput *out, const SKConvolution *convolution,
                                                                int32_t x, int32_t group, int32_t quads,
                                                                const uint32_t *packed, const int pixels) {
    const SKRequantization *r = &convolution->requantization;
    int32_t outputs = convolution->groupOutputs;
    const uint32_t *end = packed + quads * pixels * 2;
    const int32_t *block = (const int32_t *)(convolution->weights + group * ((outputs + 3) / 4 * 4) * quads * 4);
    for (int32_t done = 0; done < outputs; done += 16) {
        int32_t count = outputs - done < 16 ? outputs - done : 16, width = (count + 3) / 4 * 4;
        for (int32_t i = 0; i < count; i += 2) {
            int32_t channel = group * outputs + done + i;
            int32_t sums[2][2] = {{r->bias[channel], r->bias[channel + 1]}, {r->bias[channel], r->bias[channel + 1]}};
            // A step that the compiler knows leaves a register to the sums.
            if (width == 16) {
                sumTwo(packed, end, block + i, 16, pixels, sums);
            } else {
                sumTwo(packed, end, block + i, width, pixels, sums);
            }
            for (int32_t j = 0; j < 2 && i + j < count; j++) {
                SKScale scale = sk_scale(r, channel + j);
                for (int32_t p = 0; p < pixels; p++)
                    *sk_slot(out, x + p, channel + j) = sk_requantize(sums[p][j], &scale);
            }
        }
        block += width * quads;
    }
}

static __attribute__((noinline)) void convolveOne(const SKOutput *out, const SKConvolution *convolution, int32_t x,
                                                  int32_t group, int32_t quads, const uint32_t *packed) {
    convolveGroup(out, convolution, x, group, quads, packed, 1);
}

static __attribute__((noinline)) void convolveTwo(const SKOutput *out, const SKConvolution *convolution, int32_t x,
                                                  int32_t group, int32_t quads, const uint32_t *packed) {
    convolveGroup(out, convolution, x, group, quads, packed, 2);
}

static int convolve(const SKInput *in, const SKOutput *out, const SKWindow *window, const SKConvolution *convolution) {
    int32_t quads = window->kernelHeight * window->kernelWidth * ((convolution->groupInputs + 3) / 4);
    int32_t most = quads * 16 <= PACKED_BYTES ? 2 : 1;
    if (quads * 8 > PACKED_BYTES) return 0;
    uint32_t packed[quads * 2 * most];
    for (int32_t x = 0; x < out->width; x += most) {
        int32_t pixels = most < out->width - x ? most : out->width - x;
        for (int32_t group = 0; group < convolution->groups; group++) {
            for (int32_t p = 0; p < pixels; p++) {
                uint32_t *target = packed + p * 2;
                for (int32_t ky = 0; ky < window->kernelHeight; ky++) {
                    for (int32_t kx = 0; kx < window->kernelWidth; kx++) {
                        const uint8_t *pixel = sk_tap(in, window, convolution->padPixel, x + p, ky, kx);
                        target = packPixel(in, pixel, convolution->padPixel, group * convolution->groupInputs,
                                           convolution->groupInputs, target, pixels * 2);
                    }
                }
            }
            (pixels == 2 ? convolveTwo : convolveOne)(out, convolution, x, group, quads, packed);
        }
    }
    return 1;
}

// Four channels of `pixels` pixels. `taps` has the pixel of each tap, those of the pixels in turn.
static inline __attribute__((always_inline)) void depthwiseQuad(const SKOutput *out, const SKConvolution *convolution,
                                                                int32_t x, int32_t channel, const uint8_t *const *taps,
                                                                const uint8_t *const *end, const int pixels) {
    const SKRequantization *r = &convolution->requantization;
    int32_t sums[2][4];
    for (int p = 0; p < pixels; p++)
        for (int i = 0; i < 4; i++) sums[p][i] = r->bias[channel + i];
    const int8_t *weights = convolution->weights + channel;
    do {
        int32_t word = *(const int32_t *)weights;
        int16x2_t even = evenWeights(word), odd = oddWeights(word);
        for (int p = 0; p < pixels; p++) {
            uint32_t values = loadWord(taps[p] + channel), first = evenBytes(values), second = oddBytes(values);
            sums[p][0] = __smlabb(even, first, sums[p][0]);
            sums[p][1] = __smlabb(odd, second, sums[p][1]);
            sums[p][2] = __smlatt(even, first, sums[p][2]);
            sums[p][3] = __smlatt(odd, second, sums[p][3]);
        }
        weights += convolution->paddedChannels;
        taps += pixels;
    } while (taps != end);
    for (int i = 0; i < 4; i++) {
        SKScale scale = sk_scale(r, channel + i);
        for (int p = 0; p < pixels; p++) *sk_slot(out, x + p, channel + i) = sk_requantize(sums[p][i], &scale);
    }
}

// One channel of one pixel.
static void depthwiseChannel(const SKInput *in, const SKOutput *out, const SKConvolution *convolution, int32_t x,
                             int32_t channel, const uint8_t *const *taps, int32_t count, int32_t step) {
    const SKRequantization *r = &convolution->requantization;
    int32_t sum = r->bias[channel];
    for (int32_t tap = 0; tap < count; tap++)
        sum += (int32_t)sk_byte(in, taps[tap * step], convolution->padPixel, channel) *
               convolution->weights[tap * convolution->paddedChannels + channel];
    SKScale scale = sk_scale(r, channel);
    *sk_slot(out, x, channel) = sk_requantize(sum, &scale);
}

static int convolveDepthwise(const SKInput *in, const SKOutput *out, const SKWindow *window,
                             const SKConvolution *convolution) {
    int32_t count = window->kernelHeight * window->kernelWidth, channels = convolution->groups;
    if (convolution->groupOutputs != 1 || count > MOST_TAPS) return 0;
    int32_t whole = in->channels ? 0 : channels / 4 * 4;
    const uint8_t *taps[count * 2];
    for (int32_t x = 0; x < out->width; x += 2) {
        int32_t pixels = out->width - x < 2 ? 1 : 2;
        for (int32_t p = 0; p < pixels; p++)
            for (int32_t ky = 0, tap = p; ky < window->kernelHeight; ky++)
                for (int32_t kx = 0; kx < window->kernelWidth; kx++, tap += pixels)
                    taps[tap] = sk_tap(in, window, convolution->padPixel, x + p, ky, kx);
        const uint8_t *const *end = taps + count * pixels;
        for (int32_t channel = 0; channel < whole; channel += 4) {
            if (pixels == 2) {
                depthwiseQuad(out, convolution, x, channel, taps, end, 2);
            } else {
                depthwiseQuad(out, convolution, x, channel, taps, end, 1);
            }
        }
        for (int32_t p = 0; p < pixels; p++)
            for (int32_t channel = whole; channel < channels; channel++)
                depthwiseChannel(in, out, convolution, x + p, channel, taps + p, count, pixels);
    }
    return 1;
}

#define NAME "armdsp"
#include "armtable.h"
#endif
