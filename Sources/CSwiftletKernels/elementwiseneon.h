// Addition and pooling of one row; part of neon.c, dotprod.c and i8mm.c. Rows with a table of channels are left to the portable
// kernels.

// MARK: Addition

typedef struct {
    int32x4_t multiplier[3], shift[3];
    int16x8_t zeroPoint;
    uint8x16_t low, high;
} NAME(Addition);

// One input's share of 4 channels: the difference to its zero point, shifted to the left by 20, rescaled.
INLINE int32x4_t NAME(operand)(int16x4_t difference, const NAME(Addition) *s, int i) {
    return NAME(scaled)(vshlq_n_s32(vmovl_s16(difference), 20), s->multiplier[i], s->shift[i]);
}

INLINE uint8x16_t NAME(sum)(uint8x16_t a, uint8x16_t b, const NAME(Addition) *s, const SKAddition *p) {
    uint8x8_t zeroA = vdup_n_u8((uint8_t)p->firstZeroPoint), zeroB = vdup_n_u8((uint8_t)p->secondZeroPoint);
    int16x8_t first[2] = {vreinterpretq_s16_u16(vsubl_u8(vget_low_u8(a), zeroA)),
                          vreinterpretq_s16_u16(vsubl_u8(vget_high_u8(a), zeroA))};
    int16x8_t second[2] = {vreinterpretq_s16_u16(vsubl_u8(vget_low_u8(b), zeroB)),
                           vreinterpretq_s16_u16(vsubl_u8(vget_high_u8(b), zeroB))};
    int32x4_t y[4];
    for (int v = 0; v < 4; v++) {
        int16x8_t x = first[v / 2], z = second[v / 2];
        int32x4_t sum = vaddq_s32(NAME(operand)(v % 2 ? vget_high_s16(x) : vget_low_s16(x), s, 0),
                                  NAME(operand)(v % 2 ? vget_high_s16(z) : vget_low_s16(z), s, 1));
        y[v] = NAME(scaled)(sum, s->multiplier[2], s->shift[2]);
    }
    return NAME(narrowed)(y, s->zeroPoint, s->low, s->high);
}

static int NAME(add)(const SKInput *a, const SKInput *b, const SKOutput *out, const SKAddition *p) {
    if (a->channels || b->channels || out->channels) return 0;
    if (p->shift[0] > 0 || p->shift[1] > 0 || p->shift[2] > 0) return 0;
    NAME(Addition) s = {
        .zeroPoint = vdupq_n_s16((int16_t)p->zeroPoint), .low = vdupq_n_u8(p->low), .high = vdupq_n_u8(p->high)};
    for (int i = 0; i < 3; i++) {
        s.multiplier[i] = vdupq_n_s32(p->multiplier[i]);
        s.shift[i] = vdupq_n_s32(p->shift[i]);
    }
    // Rows without gaps are one pixel of many channels.
    int64_t pixels = out->width, count = out->channelCount;
    if (a->pixelBytes == count && b->pixelBytes == count && out->pixelBytes == count) {
        count *= pixels;
        pixels = 1;
    }
    for (int64_t x = 0; x < pixels; x++) {
        const uint8_t *first = a->rows[0] + x * a->pixelBytes, *second = b->rows[0] + x * b->pixelBytes;
        uint8_t *to = out->start + x * out->pixelBytes;
        int64_t c = 0;
        for (; c + 16 <= count; c += 16) vst1q_u8(to + c, NAME(sum)(vld1q_u8(first + c), vld1q_u8(second + c), &s, p));
        int32_t left = (int32_t)(count - c);
        if (left > 0)
            NAME(storeSome)(to + c, NAME(sum)(NAME(loadSome)(first + c, left), NAME(loadSome)(second + c, left), &s, p), left);
    }
    return 1;
}

// MARK: Pooling

static int NAME(poolMax)(const SKInput *in, const SKOutput *out, const SKWindow *w, uint8_t low, uint8_t high) {
    if (in->channels || out->channels) return 0;
    for (int32_t x = 0; x < out->width; x++) {
        int32_t first = x * w->stride - w->paddingLeft;
        NAME(Columns) inside = NAME(columnsInside)(in, w, first);
        for (int32_t c = 0; c < out->channelCount; c += 16) {
            int32_t count = out->channelCount - c;
            uint8x16_t largest = vdupq_n_u8(low);
            for (int32_t ky = 0; ky < w->kernelHeight; ky++)
                for (int32_t kx = inside.begin; kx < inside.end && in->rows[ky]; kx++) {
                    const uint8_t *pixel = in->rows[ky] + (int64_t)(first + kx * w->dilation) * in->pixelBytes;
                    largest = vmaxq_u8(largest, NAME(loadSome)(pixel + c, count));
                }
            NAME(storeSome)(out->start + (int64_t)x * out->pixelBytes + c, vminq_u8(largest, vdupq_n_u8(high)), count);
        }
    }
    return 1;
}

// The mean of `count` int8 values whose bytes add up to `sum`, as bytes: halves go away from zero. Both the sum and the whole
// part of the quotient are exact in a float.
INLINE int32x4_t NAME(mean)(uint16x4_t sum, int32_t count) {
    int32x4_t value = vsubq_s32(vreinterpretq_s32_u32(vmovl_u16(sum)), vdupq_n_s32(128 * count));
    int32x4_t half = vdupq_n_s32(count / 2);
    value = vbslq_s32(vcgtzq_s32(value), vaddq_s32(value, half), vsubq_s32(value, half));
    return vcvtq_s32_f32(vdivq_f32(vcvtq_f32_s32(value), vdupq_n_f32((float)count)));
}

static int NAME(poolAverage)(const SKInput *in, const SKOutput *out, const SKWindow *w, uint8_t low, uint8_t high) {
    // Sums of 257 bytes fit into 16 bits.
    if (in->channels || out->channels || w->kernelHeight * w->kernelWidth > 257) return 0;
    for (int32_t x = 0; x < out->width; x++) {
        int32_t first = x * w->stride - w->paddingLeft;
        NAME(Columns) inside = NAME(columnsInside)(in, w, first);
        for (int32_t c = 0; c < out->channelCount; c += 16) {
            int32_t left = out->channelCount - c, count = 0;
            uint16x8_t sums[2] = {vdupq_n_u16(0), vdupq_n_u16(0)};
            for (int32_t ky = 0; ky < w->kernelHeight; ky++)
                for (int32_t kx = inside.begin; kx < inside.end && in->rows[ky]; kx++, count++) {
                    const uint8_t *pixel = in->rows[ky] + (int64_t)(first + kx * w->dilation) * in->pixelBytes;
                    uint8x16_t bytes = NAME(loadSome)(pixel + c, left);
                    sums[0] = vaddw_u8(sums[0], vget_low_u8(bytes));
                    sums[1] = vaddw_high_u8(sums[1], bytes);
                }
            int32x4_t means[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
            if (count > 0) {
                means[0] = NAME(mean)(vget_low_u16(sums[0]), count);
                means[1] = NAME(mean)(vget_high_u16(sums[0]), count);
                means[2] = NAME(mean)(vget_low_u16(sums[1]), count);
                means[3] = NAME(mean)(vget_high_u16(sums[1]), count);
            }
            uint8x16_t bytes = NAME(narrowed)(means, vdupq_n_s16(128), vdupq_n_u8(low), vdupq_n_u8(high));
            NAME(storeSome)(out->start + (int64_t)x * out->pixelBytes + c, bytes, left);
        }
    }
    return 1;
}

static int NAME(accumulate)(const SKInput *in, int32_t *sums) {
    if (in->channels) return 0;
    for (int32_t c = 0; c < in->channelCount; c += 16) {
        int32_t left = in->channelCount - c;
        uint32x4_t total[4] = {vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0)};
        const uint8_t *pixel = in->rows[0] + c;
        for (int32_t x = 0; x < in->width; x++, pixel += in->pixelBytes) {
            uint8x16_t bytes = NAME(loadSome)(pixel, left);
            uint16x8_t low = vmovl_u8(vget_low_u8(bytes)), high = vmovl_high_u8(bytes);
            total[0] = vaddw_u16(total[0], vget_low_u16(low));
            total[1] = vaddw_high_u16(total[1], low);
            total[2] = vaddw_u16(total[2], vget_low_u16(high));
            total[3] = vaddw_high_u16(total[3], high);
        }
        uint32_t all[16];
        for (int v = 0; v < 4; v++) vst1q_u32(all + 4 * v, total[v]);
        for (int32_t i = 0; i < (left < 16 ? left : 16); i++) sums[c + i] += (int32_t)all[i] - 128 * in->width;
    }
    return 1;
}
