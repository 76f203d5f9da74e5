// Pooling of one row with AVX-512; part of avx512.c.
//
// Windows overlap and channels seldom fill a vector. So a window's rows are first made one, end to end where pixels touch, in a
// buffer on the stack; then its columns. Gain: 1.5 times (maximum of 3x3, 24 channels), 1.7 to 2.9 times (means).

#include "pooling.h"

#define MOST_POOLED 16  // rows of a window

// Columns of a window that lie in the row.
typedef struct {
    int32_t first, count;
} NAME(Span);

static inline NAME(Span) NAME(columnsOf)(const SKInput *in, const SKWindow *w, int32_t x) {
    int32_t begin = x * w->stride - w->paddingLeft, first = 0, end = w->kernelWidth;
    if (begin >= 0 && begin + (end - 1) * w->dilation < in->width) return (NAME(Span)){begin, end};
    while (first < end && begin + first * w->dilation < 0) first++;
    while (end > first && begin + (end - 1) * w->dilation >= in->width) end--;
    return (NAME(Span)){begin + first * w->dilation, end - first};
}

// Stretches of a row that are gone through at once: the whole row where pixels touch, else a pixel each.
typedef struct {
    int32_t pixels;
    int32_t bytes;
} NAME(Stretches);

static inline NAME(Stretches) NAME(stretchesOf)(const SKInput *in) {
    return in->pixelBytes == in->channelCount ? (NAME(Stretches)){1, in->width * in->channelCount}
                                              : (NAME(Stretches)){in->width, in->channelCount};
}

static inline __mmask64 NAME(first64)(int32_t count) { return _bzhi_u64(~0ull, count < 64 ? (unsigned)count : 64); }

static inline __attribute__((always_inline)) __m512i NAME(largestOf)(const uint8_t *const *rows, int32_t count, int64_t offset,
                                                                     __mmask64 mask) {
    __m512i largest = _mm512_setzero_si512();
    for (int32_t ky = 0; ky < count; ky++)
        largest = _mm512_max_epu8(largest, _mm512_maskz_loadu_epi8(mask, rows[ky] + offset));
    return largest;
}

static inline __attribute__((always_inline)) __m512i NAME(sumOf)(const uint8_t *const *rows, int32_t count, int64_t offset,
                                                                 __mmask32 mask) {
    __m512i sum = _mm512_setzero_si512();
    for (int32_t ky = 0; ky < count; ky++)
        sum = _mm512_add_epi16(sum, _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(mask, rows[ky] + offset)));
    return sum;
}

// The rows that are not padding, one after the other. Returns how many there are.
static int32_t NAME(rowsOf)(const SKInput *in, const SKWindow *w, const uint8_t **rows) {
    int32_t count = 0;
    for (int32_t ky = 0; ky < w->kernelHeight; ky++)
        if (in->rows[ky]) rows[count++] = in->rows[ky];
    return count;
}

static int NAME(poolMax)(const SKInput *in, const SKOutput *out, const SKWindow *w, uint8_t low, uint8_t high) {
    const int32_t channels = out->channelCount;
    if (in->channels || out->channels || in->width * channels > ROW_BYTES || w->kernelHeight > MOST_POOLED) return 0;
    const uint8_t *rows[MOST_POOLED];
    const int32_t height = NAME(rowsOf)(in, w, rows);
    uint8_t tall[ROW_BYTES + 64];
    const NAME(Stretches) stretches = NAME(stretchesOf)(in);
    for (int32_t x = 0; x < stretches.pixels; x++) {
        const int64_t offset = (int64_t)x * in->pixelBytes;
        uint8_t *to = tall + x * channels;
        int32_t c = 0;
        for (; c + 64 <= stretches.bytes; c += 64)
            _mm512_storeu_si512(to + c, NAME(largestOf)(rows, height, offset + c, ~0ull));
        if (c < stretches.bytes)
            _mm512_storeu_si512(to + c, NAME(largestOf)(rows, height, offset + c, NAME(first64)(stretches.bytes - c)));
    }
    const __m512i least = _mm512_set1_epi8((char)low), most = _mm512_set1_epi8((char)high);
    for (int32_t x = 0; x < out->width; x++) {
        const NAME(Span) columns = NAME(columnsOf)(in, w, x);
        for (int32_t c = 0; c < channels; c += 64) {
            __m512i largest = _mm512_setzero_si512();
            const uint8_t *from = tall + columns.first * channels + c;
            for (int32_t k = 0; k < columns.count; k++, from += w->dilation * channels)
                largest = _mm512_max_epu8(largest, _mm512_loadu_si512(from));
            largest = _mm512_min_epu8(_mm512_max_epu8(largest, least), most);
            _mm512_mask_storeu_epi8(out->start + (int64_t)x * out->pixelBytes + c, NAME(first64)(channels - c), largest);
        }
    }
    return 1;
}

// MARK: Averages

// Any window, 16 channels of a pixel at a time. A sum of up to 32768 bytes is exact in a float, and so is the whole part of its
// quotient.
static void NAME(averagePixels)(const SKInput *in, const SKOutput *out, const SKWindow *w, uint8_t low, uint8_t high) {
    for (int32_t x = 0; x < out->width; x++) {
        int32_t begin = x * w->stride - w->paddingLeft;
        for (int32_t c = 0; c < out->channelCount; c += 16) {
            int32_t left = out->channelCount - c < 16 ? out->channelCount - c : 16;
            __mmask16 mask = (__mmask16)((1u << left) - 1);
            __m512i sum = _mm512_setzero_si512();
            int32_t count = 0;
            for (int32_t ky = 0; ky < w->kernelHeight; ky++) {
                if (!in->rows[ky]) continue;
                for (int32_t kx = 0; kx < w->kernelWidth; kx++) {
                    int32_t column = begin + kx * w->dilation;
                    if (column < 0 || column >= in->width) continue;
                    const uint8_t *pixel = in->rows[ky] + (int64_t)column * in->pixelBytes + c;
                    sum = _mm512_add_epi32(sum, _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, pixel)));
                    count++;
                }
            }
            __m512i mean = _mm512_set1_epi32(128);
            if (count) {
                // Of int8 values: halves go away from zero.
                sum = _mm512_sub_epi32(sum, _mm512_set1_epi32(128 * count));
                __m512i half = _mm512_set1_epi32(count / 2);
                __mmask16 positive = _mm512_cmpgt_epi32_mask(sum, _mm512_setzero_si512());
                sum = _mm512_mask_add_epi32(_mm512_sub_epi32(sum, half), positive, sum, half);
                __m512 quotient = _mm512_div_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps((float)count));
                mean = _mm512_add_epi32(_mm512_cvttps_epi32(quotient), mean);
            }
            mean = _mm512_min_epi32(_mm512_max_epi32(mean, _mm512_set1_epi32(low)), _mm512_set1_epi32(high));
            _mm_mask_storeu_epi8(out->start + (int64_t)x * out->pixelBytes + c, mask, _mm512_cvtepi32_epi8(mean));
        }
    }
}

// The mean of `count` bytes, whose int8 values round halves away from zero: down where the mean is below 128.
static inline __attribute__((always_inline)) __m512i NAME(meanOf)(__m512i sum, int32_t count) {
    const __mmask32 isNegative = _mm512_cmplt_epu16_mask(sum, _mm512_set1_epi16((short)(128 * count)));
    __m512i t = _mm512_add_epi16(sum, _mm512_set1_epi16((short)(count / 2)));
    if (count % 2 == 0) t = _mm512_mask_sub_epi16(t, isNegative, t, _mm512_set1_epi16(1));
    return _mm512_mulhi_epu16(t, _mm512_set1_epi16((short)((65536 + count - 1) / count)));
}

static int NAME(poolAverage)(const SKInput *in, const SKOutput *out, const SKWindow *w, uint8_t low, uint8_t high) {
    const int32_t channels = out->channelCount;
    if (in->channels || out->channels || (int64_t)w->kernelHeight * w->kernelWidth > 32768) return 0;
    const uint8_t *rows[MOST_POOLED];
    int isShort = in->width * channels <= ROW_BYTES && w->kernelHeight <= MOST_POOLED;
    const int32_t height = isShort ? NAME(rowsOf)(in, w, rows) : 0;
    for (int32_t width = 1; width <= w->kernelWidth; width++) isShort = isShort && sk_hasFactor(height * width);
    if (!isShort) {
        NAME(averagePixels)(in, out, w, low, high);
        return 1;
    }
    uint16_t tall[ROW_BYTES + 64];
    const NAME(Stretches) stretches = NAME(stretchesOf)(in);
    for (int32_t x = 0; x < stretches.pixels; x++) {
        const int64_t offset = (int64_t)x * in->pixelBytes;
        uint16_t *to = tall + x * channels;
        int32_t c = 0;
        for (; c + 32 <= stretches.bytes; c += 32)
            _mm512_storeu_si512(to + c, NAME(sumOf)(rows, height, offset + c, ~0u));
        if (c < stretches.bytes)
            _mm512_storeu_si512(to + c, NAME(sumOf)(rows, height, offset + c, (__mmask32)NAME(first64)(stretches.bytes - c)));
    }
    const __m512i least = _mm512_set1_epi16(low), most = _mm512_set1_epi16(high);
    for (int32_t x = 0; x < out->width; x++) {
        const NAME(Span) columns = NAME(columnsOf)(in, w, x);
        const int32_t count = columns.count * height;
        for (int32_t c = 0; c < channels; c += 32) {
            __m512i mean = _mm512_set1_epi16(128);
            if (count) {
                __m512i sum = _mm512_setzero_si512();
                const uint16_t *from = tall + columns.first * channels + c;
                for (int32_t k = 0; k < columns.count; k++, from += w->dilation * channels)
                    sum = _mm512_add_epi16(sum, _mm512_loadu_si512(from));
                mean = NAME(meanOf)(sum, count);
            }
            mean = _mm512_min_epu16(_mm512_max_epu16(mean, least), most);
            _mm256_mask_storeu_epi8(out->start + (int64_t)x * out->pixelBytes + c, (__mmask32)NAME(first64)(channels - c),
                                    _mm512_cvtepi16_epi8(mean));
        }
    }
    return 1;
}

static int NAME(accumulate)(const SKInput *in, int32_t *sums) {
    if (in->channels) return 0;
    for (int32_t c = 0; c < in->channelCount; c += 16) {
        int32_t left = in->channelCount - c < 16 ? in->channelCount - c : 16;
        __mmask16 mask = (__mmask16)((1u << left) - 1);
        __m512i sum = _mm512_sub_epi32(_mm512_maskz_loadu_epi32(mask, sums + c), _mm512_set1_epi32(128 * in->width));
        const uint8_t *pixel = in->rows[0] + c;
        for (int32_t x = 0; x < in->width; x++, pixel += in->pixelBytes)
            sum = _mm512_add_epi32(sum, _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, pixel)));
        _mm512_mask_storeu_epi32(sums + c, mask, sum);
    }
    return 1;
}
