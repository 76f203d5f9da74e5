// A pixel of a depthwise convolution by dot products; part of dotprod.c and i8mm.c.
//
// The bytes of four taps are interleaved, so that a lane holds one channel's. The columns of a 3x3 window are interleaved row by
// row, with nothing for a fourth, and serve all windows that they are part of.

typedef struct {
    NAME(Scales) scales;
    int8x16_t weights[DEPTHWISE_TAPS / 4][4];  // of four taps, or of a column: 4 channels a vector
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
            s->scales.bias[v] = vaddq_s32(s->scales.bias[v], vshlq_n_s32(ADD_FOURS(vdupq_n_s32(0), s->weights[i][v]), 7));
#endif
        }
    }
}

INLINE void NAME(storeStrip)(const NAME(Strip) *s, const int32x4_t *sums, uint8_t *output) {
    int32x4_t y[4];
    for (int v = 0; v < 4; v++) y[v] = NAME(scaled)(sums[v], s->scales.multiplier[v], s->scales.shift[v]);
    NAME(storeSome)(output, NAME(narrowed)(y, s->scales.zeroPoint, s->scales.low, s->scales.high), s->count);
}

// Output x, of whose taps those of columns `inside` lie inside the map and the others hold the pad pixel.
INLINE void NAME(pixel)(const NAME(Strip) *s, const NAME(TapRow) *rows, int height, int width, int64_t x, NAME(Columns) inside,
                        const uint8_t *pad, uint8_t *output) {
    uint8x16_t bytes[DEPTHWISE_TAPS + 3], *to = bytes;
    for (int ky = 0; ky < height; ky++)
        for (int kx = 0; kx < width; kx++)
            *to++ = AS_TAKEN(vld1q_u8(kx < inside.begin || kx >= inside.end ? pad : NAME(tap)(rows + ky, x, kx)));
    for (int i = 0; i < 3; i++) *to++ = vdupq_n_u8(0);
    int32x4_t sums[4];
    for (int v = 0; v < 4; v++) sums[v] = s->scales.bias[v];
    for (int t = 0; t < height * width; t += 4) {
        uint8x16_t mixed[4];
        NAME(interleave)(bytes[t], bytes[t + 1], bytes[t + 2], bytes[t + 3], mixed);
        for (int v = 0; v < 4; v++) sums[v] = DOT_QUADS(sums[v], s->weights[t / 4][v], mixed[v]);
    }
    NAME(storeStrip)(s, sums, output);
}

typedef struct {
    uint8x16_t quads[4];
} NAME(Column);

INLINE NAME(Column) NAME(column)(const uint8_t *a, const uint8_t *b, const uint8_t *c) {
    NAME(Column) column;
    NAME(interleave)(AS_TAKEN(vld1q_u8(a)), AS_TAKEN(vld1q_u8(b)), AS_TAKEN(vld1q_u8(c)), vdupq_n_u8(0), column.quads);
    return column;
}

// The column that `rows` begin with, which they leave behind them.
INLINE NAME(Column) NAME(takeColumn)(NAME(TapRow) *rows) {
    NAME(Column) column = NAME(column)(rows[0].start, rows[1].start, rows[2].start);
    for (int ky = 0; ky < 3; ky++) rows[ky].start += rows[ky].tapStep;
    return column;
}

INLINE void NAME(sumColumns)(const NAME(Strip) *s, NAME(Column) a, NAME(Column) b, NAME(Column) c, uint8_t *output) {
    int32x4_t sums[4];
    for (int v = 0; v < 4; v++) {
        sums[v] = DOT_QUADS(s->scales.bias[v], s->weights[0][v], a.quads[v]);
        sums[v] = DOT_QUADS(sums[v], s->weights[1][v], b.quads[v]);
        sums[v] = DOT_QUADS(sums[v], s->weights[2][v], c.quads[v]);
    }
    NAME(storeStrip)(s, sums, output);
}

// 3x3 windows, of which neighbours share two columns at stride 1, one at stride 2, and none otherwise.
static void NAME(pixels3x3)(const NAME(Strip) *s, const NAME(TapRow) *given, const SKWindow *w, int32_t first, int32_t count,
                            uint8_t *output, int64_t outputStep) {
    NAME(TapRow) rows[3];
    for (int ky = 0; ky < 3; ky++) rows[ky] = (NAME(TapRow)){NAME(tap)(given + ky, first, 0), given[ky].tapStep, 0};
    if (w->stride == 1 && w->dilation == 1 && count >= 3) {
        NAME(Column) a = NAME(takeColumn)(rows), b = NAME(takeColumn)(rows), c;
        for (; count >= 3; count -= 3, first += 3, output += 3 * outputStep) {
            c = NAME(takeColumn)(rows);
            NAME(sumColumns)(s, a, b, c, output);
            a = NAME(takeColumn)(rows);
            NAME(sumColumns)(s, b, c, a, output + outputStep);
            b = NAME(takeColumn)(rows);
            NAME(sumColumns)(s, c, a, b, output + 2 * outputStep);
        }
    } else if (w->stride == 2 && w->dilation == 1 && count >= 2) {
        NAME(Column) a = NAME(takeColumn)(rows), b, c;
        for (; count >= 2; count -= 2, first += 2, output += 2 * outputStep) {
            b = NAME(takeColumn)(rows);
            c = NAME(takeColumn)(rows);
            NAME(sumColumns)(s, a, b, c, output);
            b = NAME(takeColumn)(rows);
            a = NAME(takeColumn)(rows);
            NAME(sumColumns)(s, c, b, a, output + outputStep);
        }
    }
    for (; count > 0; count--, first++, output += outputStep) {
        for (int ky = 0; ky < 3; ky++) rows[ky].start = NAME(tap)(given + ky, first, 0);
        NAME(Column) a = NAME(takeColumn)(rows), b = NAME(takeColumn)(rows);
        NAME(sumColumns)(s, a, b, NAME(takeColumn)(rows), output);
    }
}

// `count` pixels of a strip from `first` on, whose windows lie inside the map.
static void NAME(runPixels)(const NAME(Strip) *s, const NAME(TapRow) *rows, const SKWindow *w, int32_t first, int32_t count,
                            uint8_t *output, int64_t outputStep) {
    int height = w->kernelHeight, width = w->kernelWidth;
    if (height == 3 && width == 3) return NAME(pixels3x3)(s, rows, w, first, count, output, outputStep);
    if (height == 1 && width == 1) {
        const NAME(Strip) strip = *s;
        const NAME(TapRow) row = *rows;
        for (int32_t x = first; x < first + count; x++, output += outputStep)
            NAME(pixel)(&strip, &row, 1, 1, x, (NAME(Columns)){0, 1}, 0, output);
        return;
    }
    for (int32_t x = first; x < first + count; x++, output += outputStep)
        NAME(pixel)(s, rows, height, width, x, (NAME(Columns)){0, width}, 0, output);
}

static void NAME(runEdge)(const NAME(Strip) *s, const NAME(TapRow) *rows, const SKWindow *w, int32_t x, NAME(Columns) inside,
                          const uint8_t *pad, uint8_t *output) {
    if (w->kernelHeight != 3 || w->kernelWidth != 3)
        return NAME(pixel)(s, rows, w->kernelHeight, w->kernelWidth, x, inside, pad, output);
    NAME(Column) columns[3];
    for (int kx = 0; kx < 3; kx++)
        columns[kx] = kx < inside.begin || kx >= inside.end
                          ? NAME(column)(pad, pad, pad)
                          : NAME(column)(NAME(tap)(rows, x, kx), NAME(tap)(rows + 1, x, kx), NAME(tap)(rows + 2, x, kx));
    NAME(sumColumns)(s, columns[0], columns[1], columns[2], output);
}
