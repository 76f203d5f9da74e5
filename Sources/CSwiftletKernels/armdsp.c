// Kernels for cores with the DSP extension (Cortex-M4, M7): two products of 16 bits an instruction.
//
// Convolution extends the pixels under the window to 16 bits once, in pairs as SXTB16 leaves the weights, and then takes two
// outputs of two pixels at a time: 14 instructions for 16 products. Depthwise convolution takes four channels at a time along
// a stretch of the row, with weights and pixels extended once.
// What they do not do: rows whose window is larger than PACKED_BYTES, and channel multipliers.
#if defined(__ARM_FEATURE_DSP) && !defined(__ARM_FEATURE_MVE)
#include "armwindow.h"
#include <arm_acle.h>

// Of the window, extended, on the stack.
#define PACKED_BYTES 8192
// Outputs of a depthwise convolution whose sums and windows are on the stack at a time.
#define STRETCH 16

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
        uint32_t word = sk_byte(in, pixel, padPixel, channel);
        if (channel + 1 < end) word |= sk_byte(in, pixel, padPixel, channel + 1) << 8;
        if (channel + 2 < end) word |= sk_byte(in, pixel, padPixel, channel + 2) << 16;
        if (channel + 3 < end) word |= sk_byte(in, pixel, padPixel, channel + 3) << 24;
        target[0] = evenBytes(word);
        target[1] = oddBytes(word);
    }
    return target;
}

// The sums of two neighbouring outputs for `pixels` (1 or 2) pixels whose quads are in `packed`, in turn, added to the first
// two of `sums[0]` and `sums[1]`. `step` words lie between the weights of one quad and the next.
static inline __attribute__((always_inline)) void sumTwo(const uint32_t *packed, const uint32_t *end, const int32_t *weights,
                                                         const int32_t step, const int pixels, int32_t *first,
                                                         int32_t *second) {
    int32_t a = first[0], b = first[1], c = 0, d = 0;
    if (pixels == 2) c = second[0], d = second[1];
    _Pragma("clang loop unroll(disable)") do {
        int32_t left = weights[0], right = weights[1];
        weights += step;
        int16x2_t even = evenWeights(left), odd = oddWeights(left);
        a = __smlad(even, packed[0], a);
        a = __smlad(odd, packed[1], a);
        if (pixels == 2) {
            c = __smlad(even, packed[2], c);
            c = __smlad(odd, packed[3], c);
        }
        even = evenWeights(right), odd = oddWeights(right);
        b = __smlad(even, packed[0], b);
        b = __smlad(odd, packed[1], b);
        if (pixels == 2) {
            d = __smlad(even, packed[2], d);
            d = __smlad(odd, packed[3], d);
        }
        packed += pixels * 2;
    } while (packed != end);
    first[0] = a, first[1] = b;
    if (pixels == 2) second[0] = c, second[1] = d;
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
        int32_t channel = group * outputs + done;
        int32_t sums[2][16];
        for (int32_t i = 0; i < width; i++) sums[0][i] = sums[1][i] = r->bias[channel + i];
        // A step that the compiler knows leaves a register to the sums.
        for (int32_t i = 0; i < count; i += 2) {
            if (width == 16) {
                sumTwo(packed, end, block + i, 16, pixels, &sums[0][i], &sums[1][i]);
            } else {
                sumTwo(packed, end, block + i, width, pixels, &sums[0][i], &sums[1][i]);
            }
        }
        for (int p = 0; p < pixels; p++) sk_store(r, sums[p], out, x + p, channel, count);
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
    int32_t inputs = convolution->groupInputs, tapCount = window->kernelHeight * window->kernelWidth;
    int32_t quads = tapCount * ((inputs + 3) / 4), most = quads * 16 <= PACKED_BYTES && out->width > 1 ? 2 : 1;
    if (quads * 8 > PACKED_BYTES) return 0;
    uint32_t packed[quads * 2 * most];
    const uint8_t *taps[tapCount * most];
    for (int32_t x = 0; x < out->width; x += most) {
        int32_t pixels = most < out->width - x ? most : out->width - x;
        for (int32_t p = 0; p < pixels; p++) sk_taps(in, window, convolution->padPixel, x + p, taps + p * tapCount, 1);
        for (int32_t group = 0; group < convolution->groups; group++) {
            for (int32_t p = 0; p < pixels; p++) {
                uint32_t *target = packed + p * 2;
                for (int32_t tap = p * tapCount; tap < (p + 1) * tapCount; tap++)
                    target = packPixel(in, taps[tap], convolution->padPixel, group * inputs, inputs, target, pixels * 2);
            }
            (pixels == 2 ? convolveTwo : convolveOne)(out, convolution, x, group, quads, packed);
        }
    }
    return 1;
}

// Four neighbouring channels of a depthwise convolution, extended to two words a pixel and a tap.
typedef struct {
    const uint32_t *weights;
    const uint32_t *rows;         // of pixels, padding included
    int32_t rowWords;             // from one row to the next
    int32_t stepWords;            // from one tap to the next
    int32_t kernelHeight, kernelWidth;
} Quad;

static inline void addTap(int32_t sums[4], const uint32_t *values, const uint32_t *weights) {
    sums[0] = __smlabb((int32_t)weights[0], (int32_t)values[0], sums[0]);
    sums[1] = __smlabb((int32_t)weights[1], (int32_t)values[1], sums[1]);
    sums[2] = __smlatt((int32_t)weights[0], (int32_t)values[0], sums[2]);
    sums[3] = __smlatt((int32_t)weights[1], (int32_t)values[1], sums[3]);
}

// The sums of `count` outputs whose windows begin `outputWords` apart.
static inline __attribute__((always_inline)) void sumStretch(const Quad *quad, int32_t outputWords, const int32_t *bias,
                                                             int32_t count, int32_t *target, const int isThreeWide) {
    const uint32_t *window = quad->rows;
    for (int32_t *end = target + count * 4; target != end; target += 4, window += outputWords) {
        int32_t sums[4] = {bias[0], bias[1], bias[2], bias[3]};
        const uint32_t *weights = quad->weights, *row = window;
        int32_t ky = quad->kernelHeight;
        do {
            if (isThreeWide) {
                addTap(sums, row, weights);
                addTap(sums, row + 2, weights + 2);
                addTap(sums, row + 4, weights + 4);
                weights += 6;
            } else {
                const uint32_t *pixel = row;
                int32_t kx = quad->kernelWidth;
                do {
                    addTap(sums, pixel, weights);
                    pixel += quad->stepWords;
                    weights += 2;
                } while (--kx);
            }
            row += quad->rowWords;
        } while (--ky);
        target[0] = sums[0], target[1] = sums[1], target[2] = sums[2], target[3] = sums[3];
    }
}

static __attribute__((noinline)) void sumThreeWide(const Quad *quad, int32_t outputWords, const int32_t *bias, int32_t count,
                                                   int32_t *target) {
    sumStretch(quad, outputWords, bias, count, target, 1);
}

static __attribute__((noinline)) void sumAnyWidth(const Quad *quad, int32_t outputWords, const int32_t *bias, int32_t count,
                                                  int32_t *target) {
    sumStretch(quad, outputWords, bias, count, target, 0);
}

// Extends four channels (or the `count` that there are) of `columns` pixels from column `first` on; those outside of the row,
// and all of a row of padding, are what padding holds.
static __attribute__((noinline)) void packRow(const SKInput *in, const uint8_t *row, const uint8_t *padPixel, int32_t first,
                                              int32_t columns, int32_t channel, int32_t count, uint32_t *target) {
    int32_t end = first + columns, column = first;
    while (column < end) {
        if (!row || column < 0 || column >= in->width) {
            target = packPixel(in, padPixel, padPixel, channel, count, target, 2);
            column++;
            continue;
        }
        int32_t last = end < in->width ? end : in->width, step = in->pixelBytes;
        const uint8_t *pixel = row + column * step;
        if (count == 4 && !in->channels) {
            for (pixel += channel; column < last; column++, pixel += step, target += 2) {
                uint32_t word = loadWord(pixel);
                target[0] = evenBytes(word);
                target[1] = oddBytes(word);
            }
        } else {
            for (; column < last; column++, pixel += step)
                target = packPixel(in, pixel, padPixel, channel, count, target, 2);
        }
    }
}

// Writes one channel of `pixels` outputs from x on; its sums lie four apart.
static __attribute__((noinline)) void storeChannel(const SKRequantization *r, const int32_t *sums, const SKOutput *out,
                                                   int32_t x, int32_t pixels, int32_t channel) {
    const int32_t multiplier = r->multiplier[channel], shift = r->shift[channel];
    const int32_t zeroPoint = r->zeroPoint, low = r->low, high = r->high, step = out->pixelBytes;
    uint8_t *target = out->start + x * step + (out->channels ? out->channels[channel] : channel);
    for (const int32_t *end = sums + pixels * 4; sums != end; sums += 4, target += step)
        *target = sk_requantize(*sums, multiplier, shift, zeroPoint, low, high);
}

static int convolveDepthwise(const SKInput *in, const SKOutput *out, const SKWindow *window,
                             const SKConvolution *convolution) {
    const SKRequantization *r = &convolution->requantization;
    int32_t height = window->kernelHeight, taps = height * window->kernelWidth, channels = convolution->groups;
    int32_t columns = (STRETCH - 1) * window->stride + (window->kernelWidth - 1) * window->dilation + 1;
    if (convolution->groupOutputs != 1 || (taps + height * columns) * 8 > PACKED_BYTES) return 0;
    uint32_t weights[taps * 2], rows[height * columns * 2];
    int32_t sums[STRETCH * 4];
    Quad quad = {weights, rows, columns * 2, window->dilation * 2, height, window->kernelWidth};
    for (int32_t channel = 0; channel < channels; channel += 4) {
        int32_t count = channels - channel < 4 ? channels - channel : 4;
        for (int32_t tap = 0; tap < taps; tap++) {
            int32_t word = *(const int32_t *)(convolution->weights + tap * convolution->paddedChannels + channel);
            weights[tap * 2] = (uint32_t)evenWeights(word);
            weights[tap * 2 + 1] = (uint32_t)oddWeights(word);
        }
        for (int32_t x = 0; x < out->width; x += STRETCH) {
            int32_t pixels = out->width - x < STRETCH ? out->width - x : STRETCH;
            int32_t needed = columns - (STRETCH - pixels) * window->stride;
            for (int32_t ky = 0; ky < height; ky++)
                packRow(in, in->rows[ky], convolution->padPixel, x * window->stride - window->paddingLeft, needed, channel,
                        count, rows + ky * quad.rowWords);
            (window->kernelWidth == 3 && window->dilation == 1 ? sumThreeWide : sumAnyWidth)(
                &quad, window->stride * 2, r->bias + channel, pixels, sums);
            for (int32_t i = 0; i < count; i++) storeChannel(r, sums + i, out, x, pixels, channel + i);
        }
    }
    return 1;
}

#define NAME "armdsp"
#include "armtable.h"
#endif
