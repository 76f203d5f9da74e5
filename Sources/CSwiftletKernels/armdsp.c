// Kernels for cores with the DSP extension (Cortex-M4, M7): two products of 16 bits an instruction.
//
// Convolution extends the pixels under the window to 16 bits once, in pairs as SXTB16 leaves the weights, and then takes two
// outputs of two pixels at a time. Depthwise convolution takes four channels at a time along
// a stretch of the row, with weights and pixels extended once.
// What they do not do: rows whose window is larger than PACKED_BYTES, and channel multipliers.
#if defined(__ARM_FEATURE_DSP) && !defined(__ARM_FEATURE_MVE)
#include "armdsp.h"

// Of the window, extended, on the stack.
#define PACKED_BYTES 8192
// Outputs of a depthwise convolution whose sums and windows are on the stack at a time.
#define STRETCH 16

// The sums of two neighbouring outputs for two pixels whose quads are in `packed`, in turn, with their bias. `stepBytes` lie
// between the weights of one quad and the next.
//
// In assembly, for it takes all thirteen registers that there are: 17 instructions for 16 products. The compiler keeps some
// of these numbers in memory, for 20 to 26.
static inline __attribute__((always_inline)) void sumTwoByTwo(const uint32_t *packed, const uint32_t *end,
                                                              const int32_t *weights, const int32_t *bias, int32_t *first,
                                                              int32_t *second, const int32_t stepBytes) {
    int32_t a = bias[0], b = bias[1], c = a, d = b, left, right, evenLeft, evenRight, even, odd;
    __asm__("1:\n"
            "ldrd %[left], %[right], [%[weights]], %[step]\n"
            "ldrd %[even], %[odd], [%[packed]], #8\n"
            "sxtb16 %[evenLeft], %[left]\n"
            "sxtb16 %[left], %[left], ror #8\n"
            "sxtb16 %[evenRight], %[right]\n"
            "sxtb16 %[right], %[right], ror #8\n"
            "smlad %[a], %[evenLeft], %[even], %[a]\n"
            "smlad %[b], %[evenRight], %[even], %[b]\n"
            "smlad %[a], %[left], %[odd], %[a]\n"
            "smlad %[b], %[right], %[odd], %[b]\n"
            "ldrd %[even], %[odd], [%[packed]], #8\n"
            "cmp %[packed], %[end]\n"
            "smlad %[c], %[evenLeft], %[even], %[c]\n"
            "smlad %[d], %[evenRight], %[even], %[d]\n"
            "smlad %[c], %[left], %[odd], %[c]\n"
            "smlad %[d], %[right], %[odd], %[d]\n"
            "bne 1b"
            : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [packed] "+r"(packed), [weights] "+r"(weights),
              [left] "=&r"(left), [right] "=&r"(right), [evenLeft] "=&r"(evenLeft), [evenRight] "=&r"(evenRight),
              [even] "=&r"(even), [odd] "=&r"(odd)
            : [end] "r"(end), [step] "i"(stepBytes)
            : "cc", "memory");
    first[0] = a, first[1] = b, second[0] = c, second[1] = d;
}

// The same for one pixel.
static inline void sumTwo(const uint32_t *packed, const uint32_t *end, const int32_t *weights, int32_t step,
                          const int32_t *bias, int32_t *target) {
    int32_t a = bias[0], b = bias[1];
    do {
        int32_t left = weights[0], right = weights[1];
        weights += step;
        a = __smlad(evenWeights(left), packed[0], a);
        a = __smlad(oddWeights(left), packed[1], a);
        b = __smlad(evenWeights(right), packed[0], b);
        b = __smlad(oddWeights(right), packed[1], b);
        packed += 2;
    } while (packed != end);
    target[0] = a, target[1] = b;
}

// Writes channels `channel ..< channel + count` of `pixels` pixels.
static inline __attribute__((always_inline)) void storePixels(const SKRequantization *r, int32_t sums[2][16],
                                                              const SKOutput *out, int32_t x, int32_t channel,
                                                              int32_t count, const int pixels) {
    const SKRequantization constants = *r;
    const int32_t *multiplier = r->multiplier + channel, *first = sums[0], *end = first + count;
    const int8_t *shift = r->shift + channel;
    const uint16_t *slots = out->channels ? out->channels + channel : 0;
    uint8_t *pixel = out->start + x * out->pixelBytes;
    const int32_t step = out->pixelBytes;
    for (; first != end; first++, channel++) {
        const int32_t factor = *multiplier++, exponent = *shift++;
        uint8_t *target = pixel + (slots ? *slots++ : channel);
        if (exponent < 0) {
            const RightScale scale = rightScale(&constants, factor, exponent);
            target[0] = scaleRight(first[0], scale);
            if (pixels == 2) target[step] = scaleRight(first[16], scale);
        } else {
            target[0] = sk_requantize(first[0], factor, exponent, r->zeroPoint, r->low, r->high);
            if (pixels == 2) target[step] = sk_requantize(first[16], factor, exponent, r->zeroPoint, r->low, r->high);
        }
    }
}

static __attribute__((noinline)) void storeOne(const SKRequantization *r, int32_t sums[2][16], const SKOutput *out, int32_t x,
                                               int32_t channel, int32_t count) {
    storePixels(r, sums, out, x, channel, count, 1);
}

static __attribute__((noinline)) void storeTwo(const SKRequantization *r, int32_t sums[2][16], const SKOutput *out, int32_t x,
                                               int32_t channel, int32_t count) {
    storePixels(r, sums, out, x, channel, count, 2);
}

// All outputs of one group for `pixels` (1 or 2) pixels from x on.
static __attribute__((noinline)) void convolveGroup(const SKOutput *out, const SKConvolution *convolution, int32_t x,
                                                    int32_t group, int32_t quads, const uint32_t *packed, int32_t pixels) {
    const SKRequantization *r = &convolution->requantization;
    const int32_t outputs = convolution->groupOutputs;
    const uint32_t *end = packed + quads * pixels * 2;
    const int32_t *block = (const int32_t *)(convolution->weights + group * ((outputs + 3) / 4 * 4) * quads * 4);
    for (int32_t done = 0; done < outputs; done += 16) {
        const int32_t count = outputs - done < 16 ? outputs - done : 16, width = (count + 3) / 4 * 4;
        const int32_t channel = group * outputs + done;
        const int32_t *bias = r->bias + channel;
        int32_t sums[2][16];
        for (int32_t i = 0; i < count; i += 2) {
            int32_t *first = &sums[0][i], *second = &sums[1][i];
            if (pixels == 1) {
                sumTwo(packed, end, block + i, width, bias + i, first);
            } else if (width == 16) {
                sumTwoByTwo(packed, end, block + i, bias + i, first, second, 64);
            } else if (width == 12) {
                sumTwoByTwo(packed, end, block + i, bias + i, first, second, 48);
            } else if (width == 8) {
                sumTwoByTwo(packed, end, block + i, bias + i, first, second, 32);
            } else {
                sumTwoByTwo(packed, end, block + i, bias + i, first, second, 16);
            }
        }
        (pixels == 2 ? storeTwo : storeOne)(r, sums, out, x, channel, count);
        block += width * quads;
    }
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
            for (int32_t p = 0; p < pixels; p++)
                packWindow(in, taps + p * tapCount, tapCount, convolution->padPixel, group * inputs, inputs, packed + p * 2,
                           pixels * 2);
            convolveGroup(out, convolution, x, group, quads, packed, pixels);
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
// and all of a row of padding, are `pad`.
static __attribute__((noinline)) void packRow(const SKInput *in, const uint8_t *row, const uint32_t pad[2], int32_t first,
                                              int32_t columns, int32_t channel, int32_t count, uint32_t *target) {
    const int32_t end = first + columns, last = row && in->width < end ? in->width : row ? end : first;
    const int32_t step = in->pixelBytes;
    int32_t column = first;
    for (; column < 0 && column < last; column++, target += 2) target[0] = pad[0], target[1] = pad[1];
    if (count == 4 && !in->channels) {
        const uint8_t *pixel = row + column * step + channel;
        for (; column < last; column++, pixel += step) target = putWord(target, loadWord(pixel), 2);
    } else {
        for (; column < last; column++, target += 2) {
            const uint8_t *pixel = row + column * step;
            packWindow(in, &pixel, 1, 0, channel, count, target, 2);
        }
    }
    for (; column < end; column++, target += 2) target[0] = pad[0], target[1] = pad[1];
}

// Writes one channel of `pixels` outputs from x on; its sums lie four apart.
static __attribute__((noinline)) void storeChannel(const SKRequantization *r, const int32_t *sums, const SKOutput *out,
                                                   int32_t x, int32_t pixels, int32_t channel) {
    const int32_t multiplier = r->multiplier[channel], shift = r->shift[channel];
    const int32_t step = out->pixelBytes, *end = sums + pixels * 4;
    const RightScale scale = rightScale(r, multiplier, shift);
    uint8_t *target = out->start + x * step + (out->channels ? out->channels[channel] : channel);
    if (shift < 0) {
        for (; sums != end; sums += 4, target += step) *target = scaleRight(*sums, scale);
    } else {
        for (; sums != end; sums += 4, target += step)
            *target = sk_requantize(*sums, multiplier, shift, scale.zeroPoint, scale.low, scale.high);
    }
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
        uint32_t pad[2];
        packWindow(in, &convolution->padPixel, 1, convolution->padPixel, channel, count, pad, 2);
        for (int32_t x = 0; x < out->width; x += STRETCH) {
            int32_t pixels = out->width - x < STRETCH ? out->width - x : STRETCH;
            int32_t needed = columns - (STRETCH - pixels) * window->stride;
            for (int32_t ky = 0; ky < height; ky++)
                packRow(in, in->rows[ky], pad, x * window->stride - window->paddingLeft, needed, channel,
                        count, rows + ky * quad.rowWords);
            (window->kernelWidth == 3 && window->dilation == 1 ? sumThreeWide : sumAnyWidth)(
                &quad, window->stride * 2, r->bias + channel, pixels, sums);
            for (int32_t i = 0; i < count; i++) storeChannel(r, sums + i, out, x, pixels, channel + i);
        }
    }
    return 1;
}

// Three multipliers an element, without vectors.
static int add(const SKInput *first, const SKInput *second, const SKOutput *out, const SKAddition *a) {
    if (first->channels || second->channels || out->channels || a->shift[2] > 0) return 0;
    const int32_t zeroPoint = a->zeroPoint, low = a->low, high = a->high;
    for (int32_t x = 0; x < out->width; x++) {
        const uint8_t *left = first->rows[0] + x * first->pixelBytes, *right = second->rows[0] + x * second->pixelBytes;
        uint8_t *target = out->start + x * out->pixelBytes;
        for (int32_t channel = 0; channel < out->channelCount; channel++) {
            int32_t one = (left[channel] - a->firstZeroPoint) * (1 << SK_ADDITION_SHIFT);
            int32_t two = (right[channel] - a->secondZeroPoint) * (1 << SK_ADDITION_SHIFT);
            uint32_t sum = (uint32_t)sk_apply(one, a->multiplier[0], a->shift[0]) +
                           (uint32_t)sk_apply(two, a->multiplier[1], a->shift[1]);
            int32_t value = sk_apply((int32_t)sum, a->multiplier[2], a->shift[2]) + zeroPoint;
            target[channel] = (uint8_t)(value < low ? low : value > high ? high : value);
        }
    }
    return 1;
}

#define NAME "armdsp"
#include "armtable.h"
#endif
