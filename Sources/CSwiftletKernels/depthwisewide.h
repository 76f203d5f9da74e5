// A pixel of a depthwise convolution without a dot product; part of neon.c. Bytes and weights are widened to 16 bits and
// multiplied tap by tap.

typedef struct {
    int32x4_t bias[4], multiplier[4], shift[4];
    int16x8_t weights[DEPTHWISE_TAPS][2];
    const SKRequantization *r;
    int32_t count;  // channels that exist
} NAME(Strip);

static void NAME(loadWeights)(NAME(Strip) *s, const int8_t *weights, int64_t step, int height, int width) {
    for (int t = 0; t < height * width; t++, weights += step) {
        int8x16_t w = vld1q_s8(weights);
        s->weights[t][0] = vmovl_s8(vget_low_s8(w));
        s->weights[t][1] = vmovl_high_s8(w);
    }
}

INLINE void NAME(pixels)(const NAME(Strip) *s, const NAME(TapRow) *rows, int height, int width, int32_t first, int32_t count,
                         uint8_t *output, int64_t outputStep) {
    for (int32_t x = first; x < first + count; x++, output += outputStep) {
        int32x4_t sums[4];
        for (int v = 0; v < 4; v++) sums[v] = s->bias[v];
        const int16x8_t(*w)[2] = s->weights;
        for (int ky = 0; ky < height; ky++) {
            const uint8_t *tap = rows[ky].start + x * rows[ky].pixelStep;
            for (int kx = 0; kx < width; kx++, tap += rows[ky].tapStep, w++) {
                uint8x16_t bytes = vld1q_u8(tap);
                int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
                int16x8_t high = vreinterpretq_s16_u16(vmovl_high_u8(bytes));
                sums[0] = vmlal_s16(sums[0], vget_low_s16(low), vget_low_s16((*w)[0]));
                sums[1] = vmlal_high_s16(sums[1], low, (*w)[0]);
                sums[2] = vmlal_s16(sums[2], vget_low_s16(high), vget_low_s16((*w)[1]));
                sums[3] = vmlal_high_s16(sums[3], high, (*w)[1]);
            }
        }
        int32x4_t y[4];
        for (int v = 0; v < 4; v++) y[v] = NAME(scaled)(sums[v], s->multiplier[v], s->shift[v]);
        NAME(storeSome)(output, NAME(narrowed)(y, s->r->zeroPoint, s->r->low, s->r->high), s->count);
    }
}

static __attribute__((noinline)) void NAME(pixels3x3)(const NAME(Strip) *s, const NAME(TapRow) *rows, int32_t first,
                                                      int32_t count, uint8_t *output, int64_t outputStep) {
    NAME(pixels)(s, rows, 3, 3, first, count, output, outputStep);
}

// `count` pixels of a strip from `first` on, whose windows lie inside the map.
static void NAME(runPixels)(const NAME(Strip) *s, const NAME(TapRow) *rows, const SKWindow *w, int32_t first, int32_t count,
                            uint8_t *output, int64_t outputStep) {
    if (w->kernelHeight == 3 && w->kernelWidth == 3)
        NAME(pixels3x3)(s, rows, first, count, output, outputStep);
    else
        NAME(pixels)(s, rows, w->kernelHeight, w->kernelWidth, first, count, output, outputStep);
}
