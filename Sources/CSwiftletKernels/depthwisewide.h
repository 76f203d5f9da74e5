// A pixel of a depthwise convolution without a dot product; part of neon.c. Bytes and weights are widened to 16 bits and
// multiplied tap by tap.

typedef struct {
    NAME(Scales) scales;
    int16x8_t weights[DEPTHWISE_TAPS][2];
    int32_t count;  // channels that exist
} NAME(Strip);

static void NAME(loadWeights)(NAME(Strip) *s, const int8_t *weights, int64_t step, int height, int width) {
    for (int t = 0; t < height * width; t++, weights += step) {
        int8x16_t w = vld1q_s8(weights);
        s->weights[t][0] = vmovl_s8(vget_low_s8(w));
        s->weights[t][1] = vmovl_high_s8(w);
    }
}

// Output x, of whose taps those of columns `inside` lie inside the map and the others hold the pad pixel.
INLINE void NAME(pixel)(const NAME(Strip) *s, const NAME(TapRow) *rows, int height, int width, int64_t x, NAME(Columns) inside,
                        const uint8_t *pad, uint8_t *output) {
    int32x4_t sums[4], y[4];
    for (int v = 0; v < 4; v++) sums[v] = s->scales.bias[v];
    const int16x8_t(*w)[2] = s->weights;
    for (int ky = 0; ky < height; ky++)
        for (int kx = 0; kx < width; kx++, w++) {
            uint8x16_t bytes = vld1q_u8(kx < inside.begin || kx >= inside.end ? pad : NAME(tap)(rows + ky, x, kx));
            int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
            int16x8_t high = vreinterpretq_s16_u16(vmovl_high_u8(bytes));
            sums[0] = vmlal_s16(sums[0], vget_low_s16(low), vget_low_s16((*w)[0]));
            sums[1] = vmlal_high_s16(sums[1], low, (*w)[0]);
            sums[2] = vmlal_s16(sums[2], vget_low_s16(high), vget_low_s16((*w)[1]));
            sums[3] = vmlal_high_s16(sums[3], high, (*w)[1]);
        }
    for (int v = 0; v < 4; v++) y[v] = NAME(scaled)(sums[v], s->scales.multiplier[v], s->scales.shift[v]);
    NAME(storeSome)(output, NAME(narrowed)(y, s->scales.zeroPoint, s->scales.low, s->scales.high), s->count);
}

// `count` pixels of a strip from `first` on, whose windows lie inside the map.
static void NAME(runPixels)(const NAME(Strip) *s, const NAME(TapRow) *given, const SKWindow *w, int32_t first, int32_t count,
                            uint8_t *output, int64_t outputStep) {
    int height = w->kernelHeight, width = w->kernelWidth;
    if (height == 3 && width == 3) {
        const NAME(TapRow) rows[3] = {given[0], given[1], given[2]};
        for (int64_t x = first; x < first + count; x++, output += outputStep)
            NAME(pixel)(s, rows, 3, 3, x, (NAME(Columns)){0, 3}, 0, output);
    } else {
        for (int64_t x = first; x < first + count; x++, output += outputStep)
            NAME(pixel)(s, given, height, width, x, (NAME(Columns)){0, width}, 0, output);
    }
}

static void NAME(runEdge)(const NAME(Strip) *s, const NAME(TapRow) *rows, const SKWindow *w, int32_t x, NAME(Columns) inside,
                          const uint8_t *pad, uint8_t *output) {
    NAME(pixel)(s, rows, w->kernelHeight, w->kernelWidth, x, inside, pad, output);
}
