// Addition of two rows with AVX-512; part of avx512.c.
#include "addition.h"

#define ROW_BYTES 32768

// 16 bytes as floats.
static inline __attribute__((always_inline)) __m512 NAME(loadFloats)(const uint8_t *bytes, __mmask64 mask, int q) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8((__mmask16)(mask >> (16 * q)), bytes + 16 * q)));
}

// `mask` of 64 bytes of the sum.
static inline __attribute__((always_inline)) void NAME(sum)(const uint8_t *a, const uint8_t *b, uint8_t *output, __mmask64 mask,
                                                            __m512 first, __m512 second, __m512 offset, __m512i margin,
                                                            const SKAddition *p) {
    __m512i y[4];
    for (int q = 0; q < 4; q++) {
        __m512 partial = _mm512_fmadd_ps(NAME(loadFloats)(b, mask, q), second, offset);
        y[q] = _mm512_cvtps_epi32(_mm512_fmadd_ps(NAME(loadFloats)(a, mask, q), first, partial));
    }
    __m512i least = _mm512_min_epu16(_mm512_min_epu16(y[0], y[1]), _mm512_min_epu16(y[2], y[3]));
    __m512i bytes = _mm512_permutexvar_epi8(_mm512_load_si512(NAME(channelOrder)), NAME(packHigh)(y[0], y[1], y[2], y[3]));
    bytes = _mm512_min_epu8(_mm512_max_epu8(bytes, _mm512_set1_epi8((char)p->low)), _mm512_set1_epi8((char)p->high));
    if (__builtin_expect(_mm512_mask_cmplt_epu16_mask(0x55555555, least, margin) != 0, 0)) {
        uint64_t uncertain = 0;
        for (int q = 0; q < 4; q++) {
            __m512i low = _mm512_and_si512(y[q], _mm512_set1_epi32(0xFFFF));
            uncertain |= (uint64_t)_mm512_cmplt_epu32_mask(low, _mm512_and_si512(margin, _mm512_set1_epi32(0xFFFF))) << (16 * q);
        }
        uint8_t settled[64];
        _mm512_storeu_si512(settled, bytes);
        sk_settleSum(settled, a, b, p, uncertain & mask);
        bytes = _mm512_loadu_si512(settled);
    }
    _mm512_mask_storeu_epi8(output, mask, bytes);
}

static int NAME(add)(const SKInput *a, const SKInput *b, const SKOutput *out, const SKAddition *p) {
    int32_t channels = out->channelCount;
    SKSumScales scales;
    if (!sk_sumScales(&scales, p)) return 0;
    __m512 scaleA = _mm512_set1_ps(scales.first), scaleB = _mm512_set1_ps(scales.second), start = _mm512_set1_ps(scales.offset);
    __m512i margin = _mm512_set1_epi16((short)scales.margin);

    uint8_t packedA[ROW_BYTES], packedB[ROW_BYTES], made[ROW_BYTES + 64];
    int64_t bytes = (int64_t)out->width * channels;
    if ((a->channels || b->channels || out->channels) && bytes > ROW_BYTES) return 0;
    const uint8_t *rowA = a->rows[0], *rowB = b->rows[0];
    uint8_t *rowOut = out->channels ? made : out->start;
    if (a->channels) NAME(packPixels)(a->channels, rowA, a->pixelBytes, out->width, 0, channels, packedA, channels);
    if (b->channels) NAME(packPixels)(b->channels, rowB, b->pixelBytes, out->width, 0, channels, packedB, channels);
    int32_t stepA = a->channels ? channels : a->pixelBytes, stepB = b->channels ? channels : b->pixelBytes;
    int32_t stepOut = out->channels ? channels : out->pixelBytes;
    if (a->channels) rowA = packedA;
    if (b->channels) rowB = packedB;
    int64_t pixels = out->width, count = channels;
    if (stepA == channels && stepB == channels && stepOut == channels) {
        count = bytes;
        pixels = 1;
    }
    for (int64_t x = 0; x < pixels; x++) {
        const uint8_t *pixelA = rowA + x * stepA, *pixelB = rowB + x * stepB;
        uint8_t *to = rowOut + x * stepOut;
        int64_t c = 0;
        // Without masks: 1.2 times as fast.
        for (; c + 64 <= count; c += 64) NAME(sum)(pixelA + c, pixelB + c, to + c, ~0ull, scaleA, scaleB, start, margin, p);
        __mmask64 rest = _bzhi_u64(~0ull, (unsigned)(count - c));
        if (rest) NAME(sum)(pixelA + c, pixelB + c, to + c, rest, scaleA, scaleB, start, margin, p);
    }
    if (out->channels) NAME(scatter)(made, channels, out->width, out->channels, channels, out->start, out->pixelBytes);
    return 1;
}
