// Depthwise convolution of one row with AVX-512; part of avx512.c.
//
// Byte j of an output row comes from byte `j + (kx - padding) * channels` of each input row. Vectors of 64 bytes that begin
// at the same channel share weights and multipliers and are gone through together, as a sweep. There are two ways to cover a
// row: end to end, whatever the channels, where vectors `channels / gcd(channels, 64)` apart belong together; or pixel by
// pixel, 64 channels or fewer at a time. The cheaper way is taken.
// Strided rows of few channels, and those with a table, are first sorted into one row for each remainder of the column by the
// stride, in a buffer on the stack; then they too can be taken end to end.
#define DEPTHWISE_TAPS 64
#define DEPTHWISE_BYTES 131072

typedef struct {
    const uint8_t *start;  // where input byte 0 of a sweep's count lies; null for a row of padding
    int64_t low, high;     // input bytes that lie in the row
} NAME(Tap);

// 64 channels' bytes of four taps, interleaved: lane l of vector q holds channels 16 l + 4 q ..< + 4 of each 128 bits.
static inline __attribute__((always_inline)) void NAME(interleave)(__m512i a, __m512i b, __m512i c, __m512i d, __m512i *out) {
    __m512i ab0 = _mm512_unpacklo_epi8(a, b), ab1 = _mm512_unpackhi_epi8(a, b);
    __m512i cd0 = _mm512_unpacklo_epi8(c, d), cd1 = _mm512_unpackhi_epi8(c, d);
    out[0] = _mm512_unpacklo_epi16(ab0, cd0);
    out[1] = _mm512_unpackhi_epi16(ab0, cd0);
    out[2] = _mm512_unpacklo_epi16(ab1, cd1);
    out[3] = _mm512_unpackhi_epi16(ab1, cd1);
}

// Four vectors in the order of channels to the order of `interleave`, and back: it is its own inverse.
static inline __attribute__((always_inline)) void NAME(transpose)(const __m512i *in, __m512i *out) {
    __m512i a = _mm512_shuffle_i32x4(in[0], in[1], 0x44), b = _mm512_shuffle_i32x4(in[0], in[1], 0xEE);
    __m512i c = _mm512_shuffle_i32x4(in[2], in[3], 0x44), d = _mm512_shuffle_i32x4(in[2], in[3], 0xEE);
    out[0] = _mm512_shuffle_i32x4(a, c, 0x88);
    out[1] = _mm512_shuffle_i32x4(a, c, 0xDD);
    out[2] = _mm512_shuffle_i32x4(b, d, 0x88);
    out[3] = _mm512_shuffle_i32x4(b, d, 0xDD);
}

// Where those bytes stand after `packHigh`, in each 128 bits.
static const uint8_t NAME(laneOrder)[64] __attribute__((aligned(64))) = {
    0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15, 0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15,
    0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15, 0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15};

// The constants of 64 bytes of a row from a channel on. Where the channels come round within them they are tiled in `copy`;
// else they lie in the file as they are wanted.
typedef struct {
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    const uint8_t *pad;
    const int8_t *weights[DEPTHWISE_TAPS];
    struct {
        int32_t bias[64], multiplier[64];
        int8_t shift[64];
        uint8_t pad[64];
        int8_t weights[DEPTHWISE_TAPS][64];
    } copy;
} NAME(Phase);

static inline __attribute__((always_inline)) void NAME(useCopy)(NAME(Phase) *p, const int T) {
    p->bias = p->copy.bias;
    p->multiplier = p->copy.multiplier;
    p->shift = p->copy.shift;
    p->pad = p->copy.pad;
    for (int t = 0; t < T; t++) p->weights[t] = p->copy.weights[t];
}

// - `count`: 64 for rows that go on with the next pixel; fewer for the last channels of a pixel alone.
static inline __attribute__((always_inline)) void NAME(loadPhase)(NAME(Phase) *p, const SKConvolution *conv, const int T,
                                                                  int32_t channels, int32_t first, int32_t count) {
    const SKRequantization *r = &conv->requantization;
    if (count < 64) {
        __mmask64 mask = _bzhi_u64(~0ull, (unsigned)count);
        for (int q = 0; q < 4; q++) {
            __mmask16 lanes = (__mmask16)(mask >> 16 * q);
            _mm512_storeu_si512(p->copy.bias + 16 * q, _mm512_maskz_loadu_epi32(lanes, r->bias + first + 16 * q));
            _mm512_storeu_si512(p->copy.multiplier + 16 * q, _mm512_maskz_loadu_epi32(lanes, r->multiplier + first + 16 * q));
        }
#define TILE(to, from) _mm512_storeu_si512(to, _mm512_maskz_loadu_epi8(mask, (from) + first))
        TILE(p->copy.shift, r->shift);
        TILE(p->copy.pad, conv->padPixel);
        for (int t = 0; t < T; t++) TILE(p->copy.weights[t], conv->weights + (int64_t)t * conv->paddedChannels);
#undef TILE
        NAME(useCopy)(p, T);
        return;
    }
    if (first + 64 <= channels) {
        p->bias = r->bias + first;
        p->multiplier = r->multiplier + first;
        p->shift = r->shift + first;
        p->pad = conv->padPixel + first;
        for (int t = 0; t < T; t++) p->weights[t] = conv->weights + (int64_t)t * conv->paddedChannels + first;
        return;
    }
    // The channel of each byte.
    uint16_t lanes[64];
    for (int32_t l = 0, c = first; l < 64; l++) {
        lanes[l] = (uint16_t)c;
        if (++c == channels) c = 0;
    }
    for (int q = 0; q < 4; q++) {
        __m512i index = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)(lanes + 16 * q)));
        _mm512_storeu_si512(p->copy.bias + 16 * q, _mm512_i32gather_epi32(index, r->bias, 4));
        _mm512_storeu_si512(p->copy.multiplier + 16 * q, _mm512_i32gather_epi32(index, r->multiplier, 4));
    }
    // At most two stretches, or, of less than 64 channels, one that is permuted.
    if (channels <= 64) {
        __mmask64 mask = _bzhi_u64(~0ull, (unsigned)channels);
        __m512i order = _mm512_inserti64x4(
            _mm512_castsi256_si512(_mm512_cvtepi16_epi8(_mm512_loadu_si512(lanes))),
            _mm512_cvtepi16_epi8(_mm512_loadu_si512(lanes + 32)), 1);
#define TILE(to, from) _mm512_storeu_si512(to, _mm512_permutexvar_epi8(order, _mm512_maskz_loadu_epi8(mask, from)))
        TILE(p->copy.shift, r->shift);
        TILE(p->copy.pad, conv->padPixel);
        for (int t = 0; t < T; t++) TILE(p->copy.weights[t], conv->weights + (int64_t)t * conv->paddedChannels);
#undef TILE
    } else {
        int32_t count = channels - first;
        __mmask64 tail = _bzhi_u64(~0ull, (unsigned)count);
        // Lanes of the second stretch begin `count` bytes before its first channel.
#define TILE(to, from)                                                                                         \
    _mm512_storeu_si512(to, _mm512_mask_loadu_epi8(_mm512_maskz_loadu_epi8(tail, (from) + first), ~tail, (from) - count))
        TILE(p->copy.shift, r->shift);
        TILE(p->copy.pad, conv->padPixel);
        for (int t = 0; t < T; t++) TILE(p->copy.weights[t], conv->weights + (int64_t)t * conv->paddedChannels);
#undef TILE
    }
    NAME(useCopy)(p, T);
}

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
                                                                       const SKConvolution *conv, const NAME(Sweep) *sweep) {
    const SKRequantization *r = &conv->requantization;
    const int32_t channels = sweep->channels;
    const int64_t outputBytes = sweep->outputBytes, step = sweep->step, inputStep = sweep->inputStep;
    uint8_t *output = sweep->output;
    NAME(Phase) p;
    int32_t first = (int32_t)(sweep->start % channels);
    NAME(loadPhase)(&p, conv, T, channels, first, sweep->count);

    __m512i zero = _mm512_setzero_si512(), pad = _mm512_loadu_si512(p.pad);
    __m512i bias[4], weights[(DEPTHWISE_TAPS + 3) / 4][4], natural[4], turned[4];
    __m512 multiplier[4], half[4];
    for (int q = 0; q < 4; q++) natural[q] = _mm512_loadu_si512(p.bias + 16 * q);
    NAME(transpose)(natural, bias);
    for (int q = 0; q < 4; q++) {
        __m512i shift = _mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)(p.shift + 16 * q)));
        multiplier[q] = NAME(real)(_mm512_loadu_si512(p.multiplier + 16 * q), shift);
        half[q] = NAME(away)(shift);
    }
    for (int q = 0; q < 4; q++) natural[q] = _mm512_castps_si512(multiplier[q]);
    NAME(transpose)(natural, turned);
    for (int q = 0; q < 4; q++) multiplier[q] = _mm512_castsi512_ps(turned[q]);
    for (int q = 0; q < 4; q++) natural[q] = _mm512_castps_si512(half[q]);
    NAME(transpose)(natural, turned);
    for (int q = 0; q < 4; q++) half[q] = _mm512_castsi512_ps(turned[q]);
    for (int t = 0; t < T; t += 4) {
        __m512i w[4];
        for (int i = 0; i < 4; i++) w[i] = t + i < T ? _mm512_loadu_si512(p.weights[t + i]) : zero;
        NAME(interleave)(w[0], w[1], w[2], w[3], weights[t / 4]);
    }
    __m512 offset = _mm512_set1_ps(NAME(offset)(r->zeroPoint));
    __m512i low = _mm512_set1_epi8((char)r->low), high = _mm512_set1_epi8((char)r->high);
    __m512i order = _mm512_load_si512(NAME(laneOrder));

    // Where every tap lies inside its row. A row of padding is the same wherever one looks: its offset is kept at 0.
    const uint8_t *starts[DEPTHWISE_TAPS];
    int64_t kept[DEPTHWISE_TAPS];
    int64_t inner = 0, outer = INT64_MAX;
    for (int t = 0; t < T; t++) {
        starts[t] = taps[t].start ? taps[t].start : p.pad;
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
                x[t] = _mm512_maskz_loadu_epi8(whole, isInside ? taps[t].start + i : p.pad);
            }
        }
        for (int q = 0; q < 4; q++) acc[q] = bias[q];
        UNROLL_TAPS for (int t = 0; t < T; t += 4) {
            NAME(interleave)(x[t], t + 1 < T ? x[t + 1] : zero, t + 2 < T ? x[t + 2] : zero, t + 3 < T ? x[t + 3] : zero, mixed);
            for (int q = 0; q < 4; q++) acc[q] = _mm512_dpbusd_epi32(acc[q], mixed[q], weights[t / 4][q]);
        }
        __m512i y[4];
        for (int q = 0; q < 4; q++) y[q] = NAME(scaled)(acc[q], multiplier[q], half[q], offset);
        if (__builtin_expect(NAME(isUncertain)(y[0], y[1], y[2], y[3]), 0)) {
            NAME(transpose)(acc, natural);
            NAME(transpose)(y, turned);
            NAME(settle)(turned, natural, 4, p.multiplier, p.shift, r->zeroPoint, 64);
            NAME(transpose)(turned, y);
        }
        __m512i bytes = _mm512_shuffle_epi8(NAME(packHigh)(y[0], y[1], y[2], y[3]), order);
        bytes = _mm512_min_epu8(_mm512_max_epu8(bytes, low), high);
        int64_t left = outputBytes - j;
        _mm512_mask_storeu_epi8(output + j, whole & _bzhi_u64(~0ull, left < 64 ? (unsigned)left : 64), bytes);
    }
}

static __attribute__((noinline)) void NAME(sweepDepthwise9)(const NAME(Tap) *taps, const SKConvolution *conv,
                                                            const NAME(Sweep) *sweep) {
    NAME(sweepDepthwise)(taps, 9, conv, sweep);
}

static __attribute__((noinline)) void NAME(sweepDepthwise1)(const NAME(Tap) *taps, const SKConvolution *conv,
                                                            const NAME(Sweep) *sweep) {
    NAME(sweepDepthwise)(taps, 1, conv, sweep);
}

static __attribute__((noinline)) void NAME(sweepDepthwiseAny)(const NAME(Tap) *taps, int T, const SKConvolution *conv,
                                                              const NAME(Sweep) *sweep) {
    NAME(sweepDepthwise)(taps, T, conv, sweep);
}

static int NAME(convolveDepthwise)(const SKInput *in, const SKOutput *out, const SKWindow *w, const SKConvolution *conv) {
    int32_t channels = conv->groups, taps = w->kernelHeight * w->kernelWidth;
    if (conv->groupOutputs != 1 || taps > DEPTHWISE_TAPS) return 0;
    if (!NAME(canRequantize)(&conv->requantization, channels)) return 0;
    int isSorted = in->channels || (channels < 64 && (w->stride != 1 || in->pixelBytes != channels));
    int isScattered = out->channels != 0;
    int64_t outputStep = isScattered ? channels : out->pixelBytes;
    int64_t outputBytes = out->width * outputStep;
    int64_t rowBytes = (int64_t)in->width * channels;
    if (isSorted && rowBytes * w->kernelHeight > DEPTHWISE_BYTES) return 0;
    if (isScattered && outputBytes > DEPTHWISE_BYTES) return 0;

    uint8_t sorted[isSorted ? rowBytes * w->kernelHeight : 1];
    uint8_t made[isScattered ? outputBytes + 64 : 1];
    // Columns of one remainder follow each other where rows are sorted; else all do.
    int32_t stride = isSorted ? w->stride : 1;
    int64_t pixelBytes = isSorted ? channels : in->pixelBytes;
    NAME(Tap) list[DEPTHWISE_TAPS];
    for (int32_t ky = 0; ky < w->kernelHeight; ky++) {
        const uint8_t *row = in->rows[ky];
        uint8_t *to = isSorted ? sorted + ky * rowBytes : 0;
        for (int32_t remainder = 0; isSorted && row && remainder < stride && remainder < in->width; remainder++) {
            int32_t pixels = (in->width - remainder + stride - 1) / stride;
            SKInput strided = *in;
            strided.pixelBytes = in->pixelBytes * stride;
            NAME(packPixels)(&strided, row + (int64_t)remainder * in->pixelBytes, pixels, 0, channels, to, channels);
            to += (int64_t)pixels * channels;
        }
        for (int32_t kx = 0; kx < w->kernelWidth; kx++) {
            int32_t column = kx * w->dilation - w->paddingLeft;
            int32_t remainder = (column % stride + stride) % stride;
            int64_t shift = (int64_t)(column - remainder) / stride * pixelBytes;
            int64_t before = 0;
            for (int32_t other = 0; other < remainder; other++) before += (in->width - other + stride - 1) / stride;
            int64_t pixels = remainder < in->width ? (in->width - remainder + stride - 1) / stride : 0;
            const uint8_t *start = isSorted ? sorted + ky * rowBytes + before * channels : row;
            NAME(Tap) *tap = list + ky * w->kernelWidth + kx;
            tap->start = row ? start + shift : 0;
            tap->low = -shift;
            tap->high = (pixels - 1) * pixelBytes + channels - shift;
        }
    }
    int32_t common = channels & -channels;
    int64_t sweeps = channels / (common < 64 ? common : 64), blocks = (channels + 63) / 64;
    int64_t inputStep = isSorted ? channels : (int64_t)w->stride * in->pixelBytes;
    // In vectors: a sweep of tiled channels costs three to begin, its ends two; one of a block of channels costs two.
    int isEndToEnd = inputStep == channels && outputStep == channels &&
                     sweeps * 3 + 2 + outputBytes / 64 <= blocks * (2 + out->width);
    int64_t vectors = (outputBytes + 63) / 64;
    NAME(Sweep) sweep = {.channels = channels, .isEndToEnd = isEndToEnd, .outputBytes = outputBytes, .output = isScattered ? made : out->start};
    sweep.step = isEndToEnd ? sweeps * 64 : outputStep;
    sweep.inputStep = isEndToEnd ? sweeps * 64 : inputStep;
    for (int64_t i = 0; i < (isEndToEnd ? sweeps < vectors ? sweeps : vectors : blocks); i++) {
        sweep.start = i * 64;
        sweep.count = isEndToEnd || channels - i * 64 > 64 ? 64 : (int32_t)(channels - i * 64);
        if (taps == 9) NAME(sweepDepthwise9)(list, conv, &sweep);
        else if (taps == 1) NAME(sweepDepthwise1)(list, conv, &sweep);
        else NAME(sweepDepthwiseAny)(list, taps, conv, &sweep);
    }
    if (out->channels)
        NAME(scatter)(made, channels, out->width, out->channels, channels, out->start, out->pixelBytes);
    return isSorted ? SK_PACKED : SK_IN_PLACE;
}
