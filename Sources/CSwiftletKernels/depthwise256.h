// Depthwise convolution with AVX2, 16 channels of a pixel at a time; part of isa256.h. What it leaves: channel multipliers, rows
// with a table of channels, more than 64 taps. A set with dot products has 3x3 windows apart (DEPTHWISE_3X3).

#define DEPTHWISE_TAPS 64
#define UNROLL_TAPS _Pragma("clang loop unroll_count(6)")

// 16 bytes as words; fewer than 16 without touching what lies behind them.
static inline __attribute__((always_inline)) __m256i NAME(loadWords)(const uint8_t *p, int32_t count) {
    if (count == 16) return _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)p));
    uint8_t some[16] = {0};
    memcpy(some, p, (size_t)count);
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)some));
}

// 16 channels of neighbouring pixels of the output, all of whose taps lie in the row, or of one.
typedef struct {
    const __m256i *low, *high;  // weights
    __m256i bias[2];
    int32_t pixels;
    int64_t inputStep, outputStep;
    const uint8_t *starts[DEPTHWISE_TAPS + 1];
    int64_t kept[DEPTHWISE_TAPS + 1];  // 0 where a tap is padding, else all ones
} NAME(Taps);

static inline __attribute__((always_inline)) void NAME(depthwisePixels)(const NAME(Taps) *list, const int taps, const int count,
                                                                        const NAME(Scales) *scales, const SKRequantization *r,
                                                                        int32_t channel, uint8_t *to) {
    for (int64_t x = 0, offset = 0; x < list->pixels; x++, offset += list->inputStep, to += list->outputStep) {
        __m256i sumLow = _mm256_setzero_si256(), sumHigh = sumLow;
        UNROLL_TAPS for (int t = 0; t < taps; t += 2) {
            __m256i a = NAME(loadWords)(list->starts[t] + (offset & list->kept[t]), count);
            __m256i b = NAME(loadWords)(list->starts[t + 1] + (offset & list->kept[t + 1]), count);
            sumLow = _mm256_add_epi32(sumLow, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), list->low[t / 2]));
            sumHigh = _mm256_add_epi32(sumHigh, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), list->high[t / 2]));
        }
        __m256i acc[2] = {_mm256_add_epi32(list->bias[0], _mm256_permute2x128_si256(sumLow, sumHigh, 0x20)),
                          _mm256_add_epi32(list->bias[1], _mm256_permute2x128_si256(sumLow, sumHigh, 0x31))};
        if (scales->isRectified) NAME(requantizeStore)(acc, 0, 2, scales, r, channel, to, 0, count, 1);
        else NAME(requantizeStore)(acc, 0, 2, scales, r, channel, to, 0, count, 0);
    }
}

#ifdef DEPTHWISE_3X3
#include DEPTHWISE_3X3
#endif

static int NAME(convolveDepthwise)(const SKInput *in, const SKOutput *out, const SKWindow *w, const SKConvolution *conv) {
    int32_t channels = conv->groups, taps = w->kernelHeight * w->kernelWidth;
    if (conv->groupOutputs != 1 || taps > DEPTHWISE_TAPS || in->channels || out->channels) return 0;
    const SKRequantization *r = &conv->requantization;
    if (!NAME(canRequantize)(r, channels)) return 0;
#ifdef DEPTHWISE_3X3
    if (NAME(convolveDepthwise3x3)(in, out, w, conv)) return 1;
#endif
    // The last 16 channels may be some of the ones before, again (58 channels, 28 wide: 1.6 times as fast).
    for (int32_t next = 0; next < channels; next += 16) {
        const int32_t c = next + 16 > channels && channels > 16 ? channels - 16 : next, count = channels < 16 ? channels : 16;
        // Weights of two taps in turn: lane l of `low` holds channel l (l < 4) or l + 4, of `high` four more.
        __m256i low[DEPTHWISE_TAPS / 2], high[DEPTHWISE_TAPS / 2];
        for (int t = 0; t < taps; t += 2) {
            const int8_t *first = conv->weights + (int64_t)t * conv->paddedChannels + c;
            __m256i a = _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)first));
            __m256i b = t + 1 < taps ? _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)(first + conv->paddedChannels)))
                                     : _mm256_setzero_si256();
            low[t / 2] = _mm256_unpacklo_epi16(a, b);
            high[t / 2] = _mm256_unpackhi_epi16(a, b);
        }
        NAME(Scales) scales;
        NAME(loadScales)(&scales, r, c, 2);
        NAME(Taps) list = {.low = low,
                           .high = high,
                           .bias = {LOAD_INT(r->bias + c), LOAD_INT(r->bias + c + 8)},
                           .inputStep = (int64_t)w->stride * in->pixelBytes,
                           .outputStep = out->pixelBytes};
        for (int32_t x = 0; x < out->width; x += list.pixels) {
            const int32_t begin = x * w->stride - w->paddingLeft, reach = (w->kernelWidth - 1) * w->dilation;
            list.pixels = begin >= 0 && begin + reach < in->width ? (in->width - 1 - reach - begin) / w->stride + 1 : 1;
            if (list.pixels > out->width - x) list.pixels = out->width - x;
            int t = 0;
            for (int32_t ky = 0; ky < w->kernelHeight; ky++)
                for (int32_t kx = 0; kx < w->kernelWidth; kx++, t++) {
                    int32_t column = begin + kx * w->dilation;
                    int isInside = in->rows[ky] && column >= 0 && column < in->width;
                    list.starts[t] = isInside ? in->rows[ky] + (int64_t)column * in->pixelBytes + c : conv->padPixel + c;
                    list.kept[t] = isInside ? -1 : 0;
                }
            list.starts[taps] = conv->padPixel + c;  // meets weights of 0
            list.kept[taps] = 0;
            uint8_t *to = out->start + (int64_t)x * out->pixelBytes + c;
            if (taps == 9 && count == 16) NAME(depthwisePixels)(&list, 9, 16, &scales, r, c, to);
            else NAME(depthwisePixels)(&list, taps, count, &scales, r, c, to);
        }
    }
    return 1;
}
