// Addition of one row with AVX2; part of isa256.h. Rows with a table of channels are left.

// 32 bytes of the sum.
static inline __attribute__((always_inline)) void NAME(sum)(const uint8_t *a, const uint8_t *b, uint8_t *output,
                                                            const SKSumScales *s, const SKAddition *p) {
    const __m256 first = _mm256_set1_ps(s->first), second = _mm256_set1_ps(s->second), offset = _mm256_set1_ps(s->offset);
    __m256i y[4];
    UNROLL for (int q = 0; q < 4; q++) {
        __m256 x = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(a + 8 * q))));
        __m256 z = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(b + 8 * q))));
        y[q] = _mm256_cvtps_epi32(_mm256_fmadd_ps(x, first, _mm256_fmadd_ps(z, second, offset)));
    }
    __m256i low = _mm256_packs_epi32(_mm256_srai_epi32(y[0], 16), _mm256_srai_epi32(y[1], 16));
    __m256i high = _mm256_packs_epi32(_mm256_srai_epi32(y[2], 16), _mm256_srai_epi32(y[3], 16));
    const __m256i order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
    __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order);
    bytes = _mm256_min_epu8(_mm256_max_epu8(bytes, _mm256_set1_epi8((char)p->low)), _mm256_set1_epi8((char)p->high));
    __m256i least = _mm256_min_epu16(_mm256_min_epu16(y[0], y[1]), _mm256_min_epu16(y[2], y[3]));
    __m256i isUncertain = _mm256_cmpeq_epi16(_mm256_min_epu16(least, _mm256_set1_epi16((short)(s->margin - 1))), least);
    if (__builtin_expect(_mm256_movemask_epi8(isUncertain) & 0x33333333, 0)) {
        uint8_t settled[32];
        int32_t values[32];
        uint64_t uncertain = 0;
        _mm256_storeu_si256((void *)settled, bytes);
        memcpy(values, y, sizeof values);
        for (int i = 0; i < 32; i++) uncertain |= (uint64_t)((values[i] & 0xFFFF) < s->margin) << i;
        sk_settleSum(settled, a, b, p, uncertain);
        bytes = _mm256_loadu_si256((const void *)settled);
    }
    _mm256_storeu_si256((void *)output, bytes);
}

static int NAME(add)(const SKInput *a, const SKInput *b, const SKOutput *out, const SKAddition *p) {
    SKSumScales scales;
    if (a->channels || b->channels || out->channels || !sk_sumScales(&scales, p)) return 0;
    int64_t pixels = out->width, count = out->channelCount;
    if (a->pixelBytes == count && b->pixelBytes == count && out->pixelBytes == count) {
        count *= pixels;
        pixels = 1;
    }
    for (int64_t x = 0; x < pixels; x++) {
        const uint8_t *first = a->rows[0] + x * a->pixelBytes, *second = b->rows[0] + x * b->pixelBytes;
        uint8_t *to = out->start + x * out->pixelBytes;
        int64_t c = 0;
        for (; c + 32 <= count; c += 32) NAME(sum)(first + c, second + c, to + c, &scales, p);
        if (c == count) continue;
        uint8_t some[3][32] = {{0}};
        memcpy(some[0], first + c, (size_t)(count - c));
        memcpy(some[1], second + c, (size_t)(count - c));
        NAME(sum)(some[0], some[1], some[2], &scales, p);
        memcpy(to + c, some[2], (size_t)(count - c));
    }
    return 1;
}
