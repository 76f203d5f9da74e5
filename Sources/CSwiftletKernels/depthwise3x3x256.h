// Depthwise 3x3 windows with dot products of 256 bits, 32 channels of a pixel at a time; part of avxvnni.c.
//
// The bytes of a column's three rows are interleaved, with nothing for a fourth, so that a lane holds one channel's. A column
// serves all windows that it is part of: as soon as it is there it goes into the sums of up to three pixels.
// What is packed last undoes the interleaving: vector v holds channels 4 v ..< 4 v + 4 in its lower half, 16 more in the upper.
// What it leaves: other windows and dilations, fewer than 32 channels.
//
// Gain over words multiplied tap by tap, 16 channels at a time: 512 channels, 14 wide, 2.4 times as fast; stride 2, 64
// channels, 56 wide, 1.9.

typedef struct {
    const uint8_t *rows[3];
    int64_t steps[3];  // 0 where the row is padding
    const uint8_t *pad;
    int32_t width;
    __m256i weights[3][4];  // a column's
    __m256i bias[4];
    __m256 multiplier[4], half[4];
    NAME(Scales) scales;  // bounds and offset
    const SKRequantization *requantization;
    int32_t channel;
} NAME(Columns);

// The bytes of a, b, c and 0 in turn.
static inline __attribute__((always_inline)) void NAME(interleave)(const void *first, const void *second, const void *third,
                                                                   __m256i *column) {
    const __m256i a = _mm256_loadu_si256(first), b = _mm256_loadu_si256(second), c = _mm256_loadu_si256(third);
    const __m256i zero = _mm256_setzero_si256();
    const __m256i low = _mm256_unpacklo_epi8(a, b), high = _mm256_unpackhi_epi8(a, b);
    const __m256i lowRest = _mm256_unpacklo_epi8(c, zero), highRest = _mm256_unpackhi_epi8(c, zero);
    column[0] = _mm256_unpacklo_epi16(low, lowRest);
    column[1] = _mm256_unpackhi_epi16(low, lowRest);
    column[2] = _mm256_unpacklo_epi16(high, highRest);
    column[3] = _mm256_unpackhi_epi16(high, highRest);
}

static inline __attribute__((always_inline)) void NAME(takeColumn)(const NAME(Columns) *s, int64_t x, __m256i *column) {
    if (x < 0 || x >= s->width) NAME(interleave)(s->pad, s->pad, s->pad, column);
    else
        NAME(interleave)(s->rows[0] + x * s->steps[0], s->rows[1] + x * s->steps[1], s->rows[2] + x * s->steps[2], column);
}

static inline __attribute__((always_inline)) void NAME(addColumn)(__m256i *sums, const __m256i *from, const __m256i *column,
                                                                  const __m256i *weights) {
    UNROLL for (int v = 0; v < 4; v++) sums[v] = NAME(dot)(from[v], column[v], weights[v]);
}

// Places every sum where its channel is, settles it and puts it back.
__attribute__((noinline, cold)) static void NAME(settleColumns)(__m256i *y, const __m256i *acc, const NAME(Columns) *s) {
    int32_t values[32], sums[32], natural[32], exact[32];
    memcpy(values, y, sizeof values);
    memcpy(sums, acc, sizeof sums);
    uint64_t uncertain = 0;
    for (int c = 0; c < 32; c++) {
        int lane = c % 16 / 4 * 8 + c / 16 * 4 + c % 4;
        natural[c] = values[lane];
        exact[c] = sums[lane];
        uncertain |= (uint64_t)((values[lane] & 0xFFFF) < 2 * MARGIN) << c;
    }
    const SKRequantization *r = s->requantization;
    sk_settle(natural, exact, r->multiplier + s->channel, r->shift + s->channel, r->zeroPoint, uncertain);
    for (int c = 0; c < 32; c++) values[c % 16 / 4 * 8 + c / 16 * 4 + c % 4] = natural[c];
    memcpy(y, values, sizeof values);
}

static inline __attribute__((always_inline)) void NAME(storeColumns)(const NAME(Columns) *s, const __m256i *sums, uint8_t *output,
                                                                     const int rectified) {
    __m256i y[4];
    UNROLL for (int v = 0; v < 4; v++)
        y[v] = NAME(scaled)(sums[v], s->multiplier[v], s->half[v], s->scales.offset, rectified);
    if (__builtin_expect(NAME(isUncertain)(y[0], y[1], y[2], y[3]), 0)) {
        __m256i values[4] = {y[0], y[1], y[2], y[3]}, exact[4] = {sums[0], sums[1], sums[2], sums[3]};
        NAME(settleColumns)(values, exact, s);
        UNROLL for (int v = 0; v < 4; v++) y[v] = values[v];
    }
    _mm256_storeu_si256((void *)output, NAME(clamp)(NAME(packHigh)(y[0], y[1], y[2], y[3]), &s->scales));
}

static inline __attribute__((always_inline)) void NAME(columnsRow)(const NAME(Columns) *s, const SKWindow *w, int32_t count,
                                                                   uint8_t *output, int64_t outputStep, const int rectified) {
    __m256i column[4], sums[4], next[4];
    int64_t x = -(int64_t)w->paddingLeft;
    if (w->stride == 1) {
        // `sums` lack their last column, `next` the last two.
        NAME(takeColumn)(s, x, column);
        NAME(addColumn)(sums, s->bias, column, s->weights[0]);
        NAME(takeColumn)(s, x + 1, column);
        NAME(addColumn)(sums, sums, column, s->weights[1]);
        NAME(addColumn)(next, s->bias, column, s->weights[0]);
        for (x += 2; count > 0; count--, x++, output += outputStep) {
            NAME(takeColumn)(s, x, column);
            NAME(addColumn)(sums, sums, column, s->weights[2]);
            NAME(storeColumns)(s, sums, output, rectified);
            NAME(addColumn)(sums, next, column, s->weights[1]);
            NAME(addColumn)(next, s->bias, column, s->weights[0]);
        }
        return;
    }
    for (; count > 0; count--, x += w->stride, output += outputStep) {
        UNROLL for (int kx = 0; kx < 3; kx++) {
            NAME(takeColumn)(s, x + kx, column);
            NAME(addColumn)(sums, kx > 0 ? sums : s->bias, column, s->weights[kx]);
        }
        NAME(storeColumns)(s, sums, output, rectified);
    }
}

static void NAME(loadColumns)(NAME(Columns) *s, const SKInput *in, const SKConvolution *conv, int32_t c) {
    const SKRequantization *r = &conv->requantization;
    s->pad = conv->padPixel + c;
    s->channel = c;
    for (int ky = 0; ky < 3; ky++) {
        s->rows[ky] = in->rows[ky] ? in->rows[ky] + c : s->pad;
        s->steps[ky] = in->rows[ky] ? in->pixelBytes : 0;
    }
    for (int kx = 0; kx < 3; kx++) {
        const int8_t *column = conv->weights + (int64_t)kx * conv->paddedChannels + c;
        NAME(interleave)(column, column + 3 * conv->paddedChannels, column + 6 * conv->paddedChannels, s->weights[kx]);
    }
    for (int v = 0; v < 4; v++) {
        const int32_t lower = c + 4 * v, upper = lower + 16;
#define BOTH(p) _mm256_loadu2_m128i((const void *)((p) + upper), (const void *)((p) + lower))
        int32_t shifts[2];
        memcpy(shifts, r->shift + lower, 4);
        memcpy(shifts + 1, r->shift + upper, 4);
        s->bias[v] = BOTH(r->bias);
        NAME(loadScale)(&s->scales, 0, BOTH(r->multiplier), _mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)shifts)));
#undef BOTH
        s->multiplier[v] = s->scales.multiplier[0];
        s->half[v] = s->scales.half[0];
    }
}

// The last 32 channels may be some of the ones before, again.
static int NAME(convolveDepthwise3x3)(const SKInput *in, const SKOutput *out, const SKWindow *w, const SKConvolution *conv) {
    const int32_t channels = conv->groups;
    if (w->kernelHeight != 3 || w->kernelWidth != 3 || w->dilation != 1 || channels < 32) return 0;
    NAME(Columns) s = {.width = in->width, .requantization = &conv->requantization};
    NAME(loadBounds)(&s.scales, &conv->requantization);
    for (int32_t next = 0; next < channels; next += 32) {
        const int32_t c = next + 32 <= channels ? next : channels - 32;
        NAME(loadColumns)(&s, in, conv, c);
        if (s.scales.isRectified) NAME(columnsRow)(&s, w, out->width, out->start + c, out->pixelBytes, 1);
        else NAME(columnsRow)(&s, w, out->width, out->start + c, out->pixelBytes, 0);
    }
    return 1;
}
