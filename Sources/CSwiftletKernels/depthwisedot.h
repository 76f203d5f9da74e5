// A pixel of a depthwise convolution by dot products; part of dotprod.c and i8mm.c.
//
// The bytes of four taps are interleaved, so that a lane holds one channel's. The columns of a 3x3 window are interleaved row by
// row, with nothing for a fourth, and serve all windows that they are part of.

typedef struct {
    int32x4_t bias[4], multiplier[4], shift[4];
    int8x16_t weights[DEPTHWISE_TAPS / 4][4];  // of four taps, or of a column: 4 channels a vector
    const SKRequantization *r;
    int32_t count;  // channels that exist
} NAME(Strip);

// The bytes of a, b, c and d in turn.
INLINE void NAME(interleave)(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d, uint8x16_t *mixed) {
    uint16x8_t low = vreinterpretq_u16_u8(vzip1q_u8(a, b)), high = vreinterpretq_u16_u8(vzip2q_u8(a, b));
    uint16x8_t otherLow = vreinterpretq_u16_u8(vzip1q_u8(c, d)), otherHigh = vreinterpretq_u16_u8(vzip2q_u8(c, d));
    mixed[0] = vreinterpretq_u8_u16(vzip1q_u16(low, otherLow));
    mixed[1] = vreinterpretq_u8_u16(vzip2q_u16(low, otherLow));
    mixed[2] = vreinterpretq_u8_u16(vzip1q_u16(high, otherHigh));
    mixed[3] = vreinterpretq_u8_u16(vzip2q_u16(high, otherHigh));
}

static void NAME(loadWeights)(NAME(Strip) *s, const int8_t *weights, int64_t step, int height, int width) {
    int isColumns = height == 3 && width == 3, count = height * width;
    for (int i = 0; i < (isColumns ? 3 : (count + 3) / 4); i++) {
        uint8x16_t w[4], mixed[4];
        for (int j = 0; j < 4; j++) {
            int isThere = isColumns ? j < 3 : i * 4 + j < count;
            int tap = isColumns ? j * 3 + i : i * 4 + j;
            w[j] = isThere ? vld1q_u8((const uint8_t *)weights + tap * step) : vdupq_n_u8(0);
        }
        NAME(interleave)(w[0], w[1], w[2], w[3], mixed);
        for (int v = 0; v < 4; v++) {
            s->weights[i][v] = vreinterpretq_s8_u8(mixed[v]);
#ifdef AS_SIGNED
            s->bias[v] = vaddq_s32(s->bias[v], vshlq_n_s32(ADD_FOURS(vdupq_n_s32(0), s->weights[i][v]), 7));
#endif
        }
    }
}

INLINE void NAME(storeStrip)(const NAME(Strip) *s, const int32x4_t *sums, uint8_t *output) {
    int32x4_t y[4];
    for (int v = 0; v < 4; v++) y[v] = NAME(scaled)(sums[v], s->multiplier[v], s->shift[v]);
    NAME(storeSome)(output, NAME(narrowed)(y, s->r->zeroPoint, s->r->low, s->r->high), s->count);
}

static void NAME(pixels)(const NAME(Strip) *s, const NAME(TapRow) *rows, const SKWindow *w, int32_t first, int32_t count,
                         uint8_t *output, int64_t outputStep) {
    int taps = w->kernelHeight * w->kernelWidth;
    uint8x16_t bytes[DEPTHWISE_TAPS + 3];
    for (int i = 0; i < 3; i++) bytes[taps + i] = vdupq_n_u8(0);
    for (int32_t x = first; x < first + count; x++, output += outputStep) {
        uint8x16_t *to = bytes;
        for (int ky = 0; ky < w->kernelHeight; ky++) {
            const uint8_t *tap = rows[ky].start + x * rows[ky].pixelStep;
            for (int kx = 0; kx < w->kernelWidth; kx++, tap += rows[ky].tapStep) *to++ = AS_TAKEN(vld1q_u8(tap));
        }
        int32x4_t sums[4];
        for (int v = 0; v < 4; v++) sums[v] = s->bias[v];
        for (int t = 0; t < taps; t += 4) {
            uint8x16_t mixed[4];
            NAME(interleave)(bytes[t], bytes[t + 1], bytes[t + 2], bytes[t + 3], mixed);
            for (int v = 0; v < 4; v++) sums[v] = DOT_QUADS(sums[v], s->weights[t / 4][v], mixed[v]);
        }
        NAME(storeStrip)(s, sums, output);
    }
}

typedef struct {
    uint8x16_t quads[4];
} NAME(Column);

INLINE NAME(Column) NAME(loadColumn)(const NAME(TapRow) *rows, int32_t x, int kx) {
    NAME(Column) column;
    uint8x16_t bytes[3];
    for (int ky = 0; ky < 3; ky++)
        bytes[ky] = AS_TAKEN(vld1q_u8(rows[ky].start + x * rows[ky].pixelStep + kx * rows[ky].tapStep));
    NAME(interleave)(bytes[0], bytes[1], bytes[2], vdupq_n_u8(0), column.quads);
    return column;
}

INLINE void NAME(sumColumns)(const NAME(Strip) *s, NAME(Column) a, NAME(Column) b, NAME(Column) c, uint8_t *output) {
    int32x4_t sums[4];
    for (int v = 0; v < 4; v++) {
        sums[v] = DOT_QUADS(s->bias[v], s->weights[0][v], a.quads[v]);
        sums[v] = DOT_QUADS(sums[v], s->weights[1][v], b.quads[v]);
        sums[v] = DOT_QUADS(sums[v], s->weights[2][v], c.quads[v]);
    }
    NAME(storeStrip)(s, sums, output);
}

// 3x3 windows, of which neighbours share two columns at stride 1, one at stride 2, and none otherwise.
static void NAME(pixels3x3)(const NAME(Strip) *s, const NAME(TapRow) *given, const SKWindow *w, int32_t first, int32_t count,
                            uint8_t *output, int64_t outputStep) {
    const NAME(TapRow) rows[3] = {given[0], given[1], given[2]};
    int32_t x = first, end = first + count;
    if (w->stride == 1 && w->dilation == 1 && count >= 3) {
        NAME(Column) a = NAME(loadColumn)(rows, x, 0), b = NAME(loadColumn)(rows, x, 1), c;
        for (; x + 3 <= end; x += 3, output += 3 * outputStep) {
            c = NAME(loadColumn)(rows, x, 2);
            NAME(sumColumns)(s, a, b, c, output);
            a = NAME(loadColumn)(rows, x + 1, 2);
            NAME(sumColumns)(s, b, c, a, output + outputStep);
            b = NAME(loadColumn)(rows, x + 2, 2);
            NAME(sumColumns)(s, c, a, b, output + 2 * outputStep);
        }
    } else if (w->stride == 2 && w->dilation == 1 && count >= 2) {
        NAME(Column) a = NAME(loadColumn)(rows, x, 0), b, c;
        for (; x + 2 <= end; x += 2, output += 2 * outputStep) {
            b = NAME(loadColumn)(rows, x, 1);
            c = NAME(loadColumn)(rows, x, 2);
            NAME(sumColumns)(s, a, b, c, output);
            b = NAME(loadColumn)(rows, x + 1, 1);
            a = NAME(loadColumn)(rows, x + 1, 2);
            NAME(sumColumns)(s, c, b, a, output + outputStep);
        }
    }
    for (; x < end; x++, output += outputStep)
        NAME(sumColumns)(s, NAME(loadColumn)(rows, x, 0), NAME(loadColumn)(rows, x, 1), NAME(loadColumn)(rows, x, 2), output);
}

// `count` pixels of a strip from `first` on, whose windows lie inside the map.
static void NAME(runPixels)(const NAME(Strip) *s, const NAME(TapRow) *rows, const SKWindow *w, int32_t first, int32_t count,
                            uint8_t *output, int64_t outputStep) {
    if (w->kernelHeight == 3 && w->kernelWidth == 3)
        NAME(pixels3x3)(s, rows, w, first, count, output, outputStep);
    else
        NAME(pixels)(s, rows, w, first, count, output, outputStep);
}
