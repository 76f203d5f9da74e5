// Depthwise 3x3 windows of stride 1 and 2 with AVX-512, pixel by pixel; part of avx512.c.
//
// For 64 channels the three bytes of a column of the window are interleaved once (and a fourth that meets a weight of 0), and
// stay in registers for every pixel whose window the column is in: at stride 1 a pixel loads three vectors instead of nine, and
// unpacks one column instead of three. Gain: 1.5 to 1.9 times, 48 to 960 channels.

typedef struct {
    const uint8_t *rows[3];  // the block's first byte; a pixel of padding for a row of it
    int64_t kept[3];         // 0 for a row of padding, which is the same wherever one looks, else all ones
    int64_t step;            // from one pixel to the next
    int64_t whole;           // offsets below this may be read 64 bytes at a time
    int32_t width;
    __mmask64 channels;
    __m512i padding[4];
} NAME(Columns);

static inline __attribute__((always_inline)) void NAME(column)(const NAME(Columns) *c, int64_t x, __m512i *quads) {
    if (__builtin_expect(x < 0 || x >= c->width, 0)) {
        for (int q = 0; q < 4; q++) quads[q] = c->padding[q];
        return;
    }
    int64_t offset = x * c->step;
    __m512i bytes[3];
    if (__builtin_expect(offset < c->whole, 1))
        for (int ky = 0; ky < 3; ky++) bytes[ky] = _mm512_loadu_si512(c->rows[ky] + (offset & c->kept[ky]));
    else
        for (int ky = 0; ky < 3; ky++) bytes[ky] = _mm512_maskz_loadu_epi8(c->channels, c->rows[ky] + (offset & c->kept[ky]));
    NAME(interleave)(bytes[0], bytes[1], bytes[2], bytes[2], quads);
}

static inline __attribute__((always_inline)) void NAME(slide)(const NAME(Columns) *c, const NAME(DepthwiseBlock) *b,
                                                              const SKConvolution *conv, int64_t first, uint8_t *output,
                                                              int64_t outputStep, int32_t pixels, const int stride,
                                                              const int rectified) {
    __m512i weights[3][4], window[3][4];
    for (int kx = 0; kx < 3; kx++) {
        __m512i w[3];
        for (int ky = 0; ky < 3; ky++) w[ky] = _mm512_loadu_si512(b->phase.weights[3 * ky + kx]);
        NAME(interleave)(w[0], w[1], w[2], _mm512_setzero_si512(), weights[kx]);
    }
    const int32_t zeroPoint = conv->requantization.zeroPoint;
    NAME(column)(c, first, window[0]);
    if (stride == 1) NAME(column)(c, first + 1, window[1]);
    for (int32_t x = 0; x < pixels; x++, output += outputStep) {
        int64_t column = first + (int64_t)x * stride;
        if (stride == 2) NAME(column)(c, column + 1, window[1]);
        NAME(column)(c, column + 2, window[2]);
        __m512i acc[4];
        for (int q = 0; q < 4; q++) acc[q] = b->bias[q];
        for (int kx = 0; kx < 3; kx++)
            for (int q = 0; q < 4; q++) acc[q] = _mm512_dpbusd_epi32(acc[q], window[kx][q], weights[kx][q]);
        _mm512_mask_storeu_epi8(output, c->channels, NAME(roundBlock)(b, acc, zeroPoint, rectified));
        for (int q = 0; q < 4; q++) window[0][q] = window[stride][q];
        if (stride == 1)
            for (int q = 0; q < 4; q++) window[1][q] = window[2][q];
    }
}

#define SLIDE(suffix, stride, rectified)                                                                                    \
    static __attribute__((noinline)) void NAME(slide##suffix)(const NAME(Columns) *c, const NAME(DepthwiseBlock) *b,        \
                                                              const SKConvolution *conv, int64_t first, uint8_t *output,    \
                                                              int64_t outputStep, int32_t pixels) {                         \
        NAME(slide)(c, b, conv, first, output, outputStep, pixels, stride, rectified);                                      \
    }
SLIDE(Next, 1, 0)
SLIDE(NextRectified, 1, 1)
SLIDE(Second, 2, 0)
SLIDE(SecondRectified, 2, 1)

// Few channels of pixels that touch are better taken end to end.
static int NAME(canSlide)(const SKInput *in, const SKWindow *w, int32_t channels) {
    return w->kernelHeight == 3 && w->kernelWidth == 3 && w->dilation == 1 && w->stride <= 2 && !in->channels &&
           (channels >= 40 || w->stride == 2 || in->pixelBytes != channels);
}

static void NAME(slideRow)(const SKInput *in, uint8_t *output, int64_t outputStep, int32_t pixels, const SKWindow *w,
                           const SKConvolution *conv) {
    const int32_t channels = conv->groups;
    const int rectified = NAME(isRectified)(&conv->requantization);
    for (int32_t first = 0; first < channels; first += 64) {
        int32_t count = channels - first < 64 ? channels - first : 64;
        NAME(DepthwiseBlock) block;
        NAME(loadBlock)(&block, conv, 9, channels, first, count);
        __m512i pad = _mm512_loadu_si512(block.phase.pad);
        NAME(Columns) columns = {.step = in->pixelBytes,
                                 .whole = (int64_t)(in->width - 1) * in->pixelBytes + channels - first - 63,
                                 .width = in->width,
                                 .channels = _bzhi_u64(~0ull, (unsigned)count)};
        for (int ky = 0; ky < 3; ky++) {
            columns.rows[ky] = in->rows[ky] ? in->rows[ky] + first : block.phase.pad;
            columns.kept[ky] = in->rows[ky] ? -1 : 0;
        }
        NAME(interleave)(pad, pad, pad, pad, columns.padding);
        void (*slide)(const NAME(Columns) *, const NAME(DepthwiseBlock) *, const SKConvolution *, int64_t, uint8_t *, int64_t,
                      int32_t) = w->stride == 1 ? rectified ? NAME(slideNextRectified) : NAME(slideNext)
                                 : rectified    ? NAME(slideSecondRectified)
                                                : NAME(slideSecond);
        slide(&columns, &block, conv, -w->paddingLeft, output + first, outputStep, pixels);
    }
}
