// Pooling of one row with AVX2; part of isa256.h. Rows with a table of channels, or of fewer than 16 channels, are left. The
// last 16 channels of a pixel may be some of the ones before, again.
#include "pooling.h"

#define MOST_POOLED 16  // rows of a window

// The taps of a window that lie inside the map.
typedef struct {
    const uint8_t *rows[MOST_POOLED];  // those that are not padding
    int32_t height;
    int32_t first, width;  // columns
    int64_t tapStep;
} NAME(Inside);

static void NAME(chooseRows)(NAME(Inside) *inside, const SKInput *in, const SKWindow *w) {
    inside->height = 0;
    inside->tapStep = (int64_t)w->dilation * in->pixelBytes;
    for (int32_t ky = 0; ky < w->kernelHeight; ky++)
        if (in->rows[ky]) inside->rows[inside->height++] = in->rows[ky];
}

static inline void NAME(chooseColumns)(NAME(Inside) *inside, const SKInput *in, const SKWindow *w, int32_t x) {
    int32_t begin = x * w->stride - w->paddingLeft, first = 0, end = w->kernelWidth;
    while (first < end && begin + first * w->dilation < 0) first++;
    while (end > first && begin + (end - 1) * w->dilation >= in->width) end--;
    inside->first = begin + first * w->dilation;
    inside->width = end - first;
}

static int NAME(poolMax)(const SKInput *in, const SKOutput *out, const SKWindow *w, uint8_t low, uint8_t high) {
    const int32_t channels = out->channelCount;
    if (in->channels || out->channels || channels < 16 || w->kernelHeight > MOST_POOLED) return 0;
    const __m128i least = _mm_set1_epi8((char)low), most = _mm_set1_epi8((char)high);
    NAME(Inside) inside;
    NAME(chooseRows)(&inside, in, w);
    for (int32_t x = 0; x < out->width; x++) {
        NAME(chooseColumns)(&inside, in, w, x);
        for (int32_t next = 0; next < channels; next += 16) {
            const int32_t c = next + 16 <= channels ? next : channels - 16;
            const int64_t offset = (int64_t)inside.first * in->pixelBytes + c;
            __m128i largest = _mm_setzero_si128();
            for (int32_t ky = 0; ky < inside.height; ky++) {
                const uint8_t *pixel = inside.rows[ky] + offset;
                for (int32_t kx = 0; kx < inside.width; kx++, pixel += inside.tapStep)
                    largest = _mm_max_epu8(largest, _mm_loadu_si128((const void *)pixel));
            }
            _mm_storeu_si128((void *)(out->start + (int64_t)x * out->pixelBytes + c),
                             _mm_min_epu8(_mm_max_epu8(largest, least), most));
        }
    }
    return 1;
}

// The mean of `count` bytes, whose int8 values round halves away from zero: down where the mean is below 128.
static inline __attribute__((always_inline)) __m256i NAME(meanOf)(__m256i sum, int32_t count) {
    if (count == 1) return sum;
    const __m256i atLeast = _mm256_set1_epi16((short)(128 * count));
    const __m256i isPositive = _mm256_cmpeq_epi16(_mm256_max_epu16(sum, atLeast), sum);
    __m256i t = _mm256_add_epi16(sum, _mm256_set1_epi16((short)(count / 2)));
    if (count % 2 == 0) t = _mm256_sub_epi16(t, _mm256_andnot_si256(isPositive, _mm256_set1_epi16(1)));
    return _mm256_mulhi_epu16(t, _mm256_set1_epi16((short)((65536 + count - 1) / count)));
}

// Sums in 16 bits, quotients as products. Gain over the portable kernel: 3x3, 240 channels, 14 wide, 25 times as fast.
static int NAME(poolAverage)(const SKInput *in, const SKOutput *out, const SKWindow *w, uint8_t low, uint8_t high) {
    const int32_t channels = out->channelCount;
    if (in->channels || out->channels || channels < 16 || w->kernelHeight > MOST_POOLED) return 0;
    NAME(Inside) inside;
    NAME(chooseRows)(&inside, in, w);
    for (int32_t width = 1; width <= w->kernelWidth; width++) {
        const int32_t count = inside.height * width;
        if (count > 1 && !sk_hasFactor(count)) return 0;
    }
    const __m128i least = _mm_set1_epi8((char)low), most = _mm_set1_epi8((char)high);
    for (int32_t x = 0; x < out->width; x++) {
        NAME(chooseColumns)(&inside, in, w, x);
        const int32_t count = inside.height * inside.width;
        for (int32_t next = 0; next < channels; next += 16) {
            const int32_t c = next + 16 <= channels ? next : channels - 16;
            const int64_t offset = (int64_t)inside.first * in->pixelBytes + c;
            __m256i mean = _mm256_set1_epi16(128);
            if (count) {
                __m256i sum = _mm256_setzero_si256();
                for (int32_t ky = 0; ky < inside.height; ky++) {
                    const uint8_t *pixel = inside.rows[ky] + offset;
                    for (int32_t kx = 0; kx < inside.width; kx++, pixel += inside.tapStep)
                        sum = _mm256_add_epi16(sum, _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)pixel)));
                }
                mean = NAME(meanOf)(sum, count);
            }
            __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(mean), _mm256_extracti128_si256(mean, 1));
            _mm_storeu_si128((void *)(out->start + (int64_t)x * out->pixelBytes + c),
                             _mm_min_epu8(_mm_max_epu8(bytes, least), most));
        }
    }
    return 1;
}

static int NAME(accumulate)(const SKInput *in, int32_t *sums) {
    if (in->channels) return 0;
    int32_t c = 0;
    for (; c + 8 <= in->channelCount; c += 8) {
        __m256i sum = _mm256_sub_epi32(_mm256_loadu_si256((const void *)(sums + c)), _mm256_set1_epi32(128 * in->width));
        const uint8_t *pixel = in->rows[0] + c;
        for (int32_t x = 0; x < in->width; x++, pixel += in->pixelBytes)
            sum = _mm256_add_epi32(sum, _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)pixel)));
        _mm256_storeu_si256((void *)(sums + c), sum);
    }
    for (; c < in->channelCount; c++)
        for (int32_t x = 0; x < in->width; x++) sums[c] += in->rows[0][(int64_t)x * in->pixelBytes + c] - 128;
    return 1;
}
