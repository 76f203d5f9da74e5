// Depthwise convolution of one row with AVX-512, windows of any size; part of avx512.c.
//
// Byte j of an output row comes from byte `j + (kx - padding) * channels` of each input row. Vectors of 64 bytes that begin
// at the same channel share weights and multipliers and are gone through together, as a sweep. There are two ways to cover a
// row: end to end, whatever the channels, where vectors `channels / gcd(channels, 64)` apart belong together; or pixel by
// pixel, 64 channels or fewer at a time. The cheaper way is taken.
// Strided rows of few channels, and those with a table, are first sorted into one row for each remainder of the column by the
// stride, in a buffer on the stack; then they too can be taken end to end.
#define DEPTHWISE_BYTES 131072

typedef struct {
    const uint8_t *start;  // where input byte 0 of a sweep's count lies; null for a row of padding
    int64_t low, high;     // input bytes that lie in the row
} NAME(Tap);

// A tap at input byte `i`, 64 of them, those outside of the row from `pad`.
static inline __m512i NAME(loadEdge)(const NAME(Tap) *tap, int64_t i, __m512i pad) {
    if (!tap->start) return pad;
    int64_t from = tap->low - i, to = tap->high - i;
    from = from < 0 ? 0 : from > 64 ? 64 : from;
    to = to < 0 ? 0 : to > 64 ? 64 : to;
    __mmask64 mask = _bzhi_u64(~0ull, (unsigned)to) & ~_bzhi_u64(~0ull, (unsigned)from);
    return _mm512_mask_loadu_epi8(pad, mask, tap->start + i);
}

#define UNROLL_TAPS _Pragma("clang loop unroll_count(12)")

// Vectors of `count` channels from the same one on: from input bytes `start`, `start + inputStep`, ... to output bytes `start`,
// `start + step`, ....
typedef struct {
    int64_t start;
    int64_t inputStep;
    int64_t step;
    int32_t count;
    int32_t channels;
    int isEndToEnd;
    int64_t outputBytes;
    uint8_t *output;
} NAME(Sweep);

static inline __attribute__((always_inline)) void NAME(sweepDepthwise)(const NAME(Tap) *taps, const int T,
                                                                       const SKConvolution *conv, const NAME(Sweep) *sweep,
                                                                       const int rectified) {
    const SKRequantization *r = &conv->requantization;
    const int32_t channels = sweep->channels;
    const int64_t outputBytes = sweep->outputBytes, step = sweep->step, inputStep = sweep->inputStep;
    uint8_t *output = sweep->output;
    const int32_t first = (int32_t)(sweep->start % channels);
    NAME(DepthwiseBlock) block;
    NAME(loadBlock)(&block, conv, T, channels, first, sweep->count);
    const NAME(Phase) *p = &block.phase;
    __m512i zero = _mm512_setzero_si512(), pad = _mm512_loadu_si512(p->pad), weights[(DEPTHWISE_TAPS + 3) / 4][4];
    for (int t = 0; t < T; t += 4) {
        __m512i w[4];
        for (int i = 0; i < 4; i++) w[i] = t + i < T ? _mm512_loadu_si512(p->weights[t + i]) : zero;
        NAME(interleave)(w[0], w[1], w[2], w[3], weights[t / 4]);
    }

    // Where every tap lies inside its row. A row of padding is the same wherever one looks: its offset is kept at 0.
    const uint8_t *starts[DEPTHWISE_TAPS];
    int64_t kept[DEPTHWISE_TAPS];
    int64_t inner = 0, outer = INT64_MAX;
    for (int t = 0; t < T; t++) {
        starts[t] = taps[t].start ? taps[t].start : p->pad;
        kept[t] = taps[t].start ? -1 : 0;
        if (!taps[t].start) continue;
        inner = taps[t].low > inner ? taps[t].low : inner;
        outer = taps[t].high - 63 < outer ? taps[t].high - 63 : outer;
    }
    const __mmask64 whole = _bzhi_u64(~0ull, (unsigned)sweep->count);
    for (int64_t j = sweep->start, i = j; j < outputBytes; j += step, i += inputStep) {
        __m512i acc[4], x[(DEPTHWISE_TAPS + 3) / 4 * 4], mixed[4];
        if (__builtin_expect(i >= inner && i < outer, 1)) {
            UNROLL_TAPS for (int t = 0; t < T; t++) x[t] = _mm512_loadu_si512(starts[t] + (i & kept[t]));
        } else if (sweep->isEndToEnd) {
            UNROLL_TAPS for (int t = 0; t < T; t++) x[t] = NAME(loadEdge)(taps + t, i, pad);
        } else {
            // A pixel is in the row or padding as a whole.
            UNROLL_TAPS for (int t = 0; t < T; t++) {
                int isInside = taps[t].start && i - first >= taps[t].low && i < taps[t].high;
                x[t] = _mm512_maskz_loadu_epi8(whole, isInside ? taps[t].start + i : p->pad);
            }
        }
        for (int q = 0; q < 4; q++) acc[q] = block.bias[q];
        UNROLL_TAPS for (int t = 0; t < T; t += 4) {
            NAME(interleave)(x[t], t + 1 < T ? x[t + 1] : zero, t + 2 < T ? x[t + 2] : zero, t + 3 < T ? x[t + 3] : zero, mixed);
            for (int q = 0; q < 4; q++) acc[q] = _mm512_dpbusd_epi32(acc[q], mixed[q], weights[t / 4][q]);
        }
        __m512i bytes = NAME(roundBlock)(&block, acc, r->zeroPoint, rectified);
        int64_t left = outputBytes - j;
        _mm512_mask_storeu_epi8(output + j, whole & _bzhi_u64(~0ull, left < 64 ? (unsigned)left : 64), bytes);
    }
}

#define SWEEP(suffix, T, rectified)                                                                              \
    static __attribute__((noinline)) void NAME(sweep##suffix)(const NAME(Tap) *taps, int count, const SKConvolution *conv, \
                                                              const NAME(Sweep) *sweep) {                        \
        (void)count;                                                                                             \
        NAME(sweepDepthwise)(taps, T, conv, sweep, rectified);                                                   \
    }
SWEEP(Nine, 9, 0)
SWEEP(NineRectified, 9, 1)
SWEEP(One, 1, 0)
SWEEP(OneRectified, 1, 1)
SWEEP(Any, count, NAME(isRectified)(&conv->requantization))

static int NAME(convolveDepthwise)(const SKInput *in, const SKOutput *out, const SKWindow *w, const SKConvolution *conv) {
    int32_t channels = conv->groups, taps = w->kernelHeight * w->kernelWidth;
    if (conv->groupOutputs != 1 || taps > DEPTHWISE_TAPS) return 0;
    if (!NAME(canRequantize)(&conv->requantization, channels)) return 0;
    int isSorted = in->channels || (channels < 64 && (w->stride != 1 || in->pixelBytes != channels));
    int isScattered = out->channels != 0;
    int64_t outputStep = isScattered ? channels : out->pixelBytes;
    int64_t outputBytes = out->width * outputStep;
    int64_t rowBytes = (int64_t)in->width * channels;
    if (NAME(canScale)(in, out, w)) {
        NAME(scaleRow)(in, out, w, conv);
        return SK_IN_PLACE;
    }
    if (NAME(canSlide)(in, w, channels) && !out->channels) {
        NAME(slideRow)(in, out->start, out->pixelBytes, out->width, w, conv);
        return SK_IN_PLACE;
    }
    if (isSorted && rowBytes * w->kernelHeight > DEPTHWISE_BYTES) return 0;
    if (isScattered && outputBytes > DEPTHWISE_BYTES) return 0;

    uint8_t sorted[DEPTHWISE_BYTES];
    uint8_t made[DEPTHWISE_BYTES + 64];
    // Columns of one remainder follow each other where rows are sorted; else all do.
    int32_t stride = isSorted ? w->stride : 1;
    int64_t pixelBytes = isSorted ? channels : in->pixelBytes;
    NAME(Tap) list[DEPTHWISE_TAPS];
    for (int32_t ky = 0; isSorted && ky < w->kernelHeight; ky++) {
        const uint8_t *row = in->rows[ky];
        uint8_t *to = sorted + ky * rowBytes;
        for (int32_t remainder = 0; row && remainder < stride && remainder < in->width; remainder++) {
            int32_t pixels = (in->width - remainder + stride - 1) / stride;
            NAME(packPixels)(in->channels, row + (int64_t)remainder * in->pixelBytes, in->pixelBytes * stride, pixels, 0,
                             channels, to, channels);
            to += (int64_t)pixels * channels;
        }
    }
    for (int32_t kx = 0; kx < w->kernelWidth; kx++) {
        int32_t column = kx * w->dilation - w->paddingLeft;
        int64_t shift = column * pixelBytes, before = 0, pixels = in->width;
        if (stride > 1) {
            int32_t remainder = (column % stride + stride) % stride;
            shift = (int64_t)(column - remainder) / stride * pixelBytes;
            for (int32_t other = 0; other < remainder; other++) before += (in->width - other + stride - 1) / stride;
            pixels = remainder < in->width ? (in->width - remainder + stride - 1) / stride : 0;
        }
        for (int32_t ky = 0; ky < w->kernelHeight; ky++) {
            const uint8_t *row = in->rows[ky], *start = isSorted ? sorted + ky * rowBytes + before * channels : row;
            list[ky * w->kernelWidth + kx] = (NAME(Tap)){.start = row ? start + shift : 0,
                                                         .low = -shift,
                                                         .high = (pixels - 1) * pixelBytes + channels - shift};
        }
    }
    int32_t common = channels & -channels;
    int64_t sweeps = channels / (common < 64 ? common : 64), blocks = (channels + 63) / 64;
    int64_t inputStep = isSorted ? channels : (int64_t)w->stride * in->pixelBytes;
    // In vectors: a sweep of tiled channels costs three to begin, its ends two; one of a block of channels costs two.
    int isEndToEnd = inputStep == channels && outputStep == channels &&
                     sweeps * 3 + 2 + outputBytes / 64 <= blocks * (2 + out->width);
    int64_t vectors = (outputBytes + 63) / 64;
    const int rectified = NAME(isRectified)(&conv->requantization);
    void (*run)(const NAME(Tap) *, int, const SKConvolution *, const NAME(Sweep) *) =
        taps == 9   ? rectified ? NAME(sweepNineRectified) : NAME(sweepNine)
        : taps == 1 ? rectified ? NAME(sweepOneRectified) : NAME(sweepOne)
                    : NAME(sweepAny);
    NAME(Sweep) sweep = {.channels = channels,
                         .isEndToEnd = isEndToEnd,
                         .outputBytes = outputBytes,
                         .output = isScattered ? made : out->start};
    sweep.step = isEndToEnd ? sweeps * 64 : outputStep;
    sweep.inputStep = isEndToEnd ? sweeps * 64 : inputStep;
    for (int64_t i = 0; i < (isEndToEnd ? sweeps < vectors ? sweeps : vectors : blocks); i++) {
        sweep.start = i * 64;
        sweep.count = isEndToEnd || channels - i * 64 > 64 ? 64 : (int32_t)(channels - i * 64);
        run(list, taps, conv, &sweep);
    }
    if (out->channels)
        NAME(scatter)(made, channels, out->width, out->channels, channels, out->start, out->pixelBytes);
    return isSorted ? SK_PACKED : SK_IN_PLACE;
}
