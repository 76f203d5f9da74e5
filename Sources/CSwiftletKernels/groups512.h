// Convolutions of many small groups with AVX-512; part of avx512.c.
//
// A group of 8 outputs or fewer leaves half of a vector idle, of 4 or fewer three quarters. So 2 or 4 groups share one: lane
// `output * share + group` belongs to a group of the set, and the inputs are packed so that one load brings each lane the
// quad of its own group: [kernel row][column][quad][group of the set][4]. Weights are sorted alike, once a row.
// Gain on CondenseNet-74's first stage, 32 to 8 channels in 4 groups, 3x3: 5 times.

#define SMALL_GROUP_QUADS 256  // of weights: taps x quads

typedef struct {
    const uint8_t *base;
    int64_t pixelStep;
    int64_t runStep;
    int32_t runs;
    int32_t runQuads;
    const int8_t *weights;  // [quad][16][4]
    uint8_t *output;
    int64_t outputStep;
    __mmask16 stored;
    __m512i order;
    NAME(Scales) scales;
    SKRequantization lanes;
} NAME(Set);

static inline __attribute__((always_inline)) __m512i NAME(quadsOfSet)(const uint8_t *p, const int share) {
    if (share == 4) return _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)p));
    return _mm512_broadcastq_epi64(_mm_loadl_epi64((const void *)p));
}

static inline __attribute__((always_inline)) void NAME(storeSet)(const NAME(Set) *s, const __m512i *acc, uint8_t *output,
                                                                 const int P, const int rectified) {
    UNROLL for (int first = 0; first < P; first += 4) {
        __m512i y[4];
        UNROLL for (int i = 0; i < 4; i++)
            y[i] = first + i < P ? NAME(scaled)(acc[first + i], s->scales.multiplier[0], s->scales.half[0], s->scales.offset,
                                                rectified)
                                 : y[0];
        if (__builtin_expect(NAME(isUncertain)(y[0], y[1], y[2], y[3]), 0))
            UNROLL for (int i = 0; i < 4 && first + i < P; i++) {
                __m512i sums[1] = {acc[first + i]}, values[1] = {y[i]};
                NAME(settle)(values, sums, 1, s->lanes.multiplier, s->lanes.shift, s->lanes.zeroPoint, 16);
                y[i] = values[0];
            }
        __m512i bytes = _mm512_permutexvar_epi8(s->order, NAME(packHigh)(y[0], y[1], y[2], y[3]));
        NAME(storePixels)(NAME(clamp)(bytes, &s->scales), P - first < 4 ? P - first : 4, output + first * s->outputStep,
                          s->outputStep, s->stored);
    }
}

static inline __attribute__((always_inline)) void NAME(setTile)(const NAME(Set) *s, const uint8_t *base, uint8_t *output,
                                                                const int P, const int share) {
    __m512i acc[12];
    UNROLL for (int p = 0; p < P; p++) acc[p] = _mm512_loadu_si512(s->lanes.bias);
    const int8_t *w = s->weights;
    for (int run = 0; run < s->runs; run++, base += s->runStep)
        for (int64_t q = 0; q < s->runQuads; q++, w += 64) {
            __m512i weights = _mm512_loadu_si512(w);
            UNROLL for (int p = 0; p < P; p++)
                acc[p] = _mm512_dpbusd_epi32(acc[p], NAME(quadsOfSet)(base + p * s->pixelStep + q * 4 * share, share), weights);
        }
    if (s->scales.isRectified) NAME(storeSet)(s, acc, output, P, 1);
    else NAME(storeSet)(s, acc, output, P, 0);
}

static inline __attribute__((always_inline)) void NAME(setRow)(const NAME(Set) *s, int32_t pixels, const int share) {
    const uint8_t *base = s->base;
    uint8_t *output = s->output;
    int32_t x = 0;
    for (; x + 12 <= pixels; x += 12, base += 12 * s->pixelStep, output += 12 * s->outputStep)
        NAME(setTile)(s, base, output, 12, share);
    for (; x + 4 <= pixels; x += 4, base += 4 * s->pixelStep, output += 4 * s->outputStep)
        NAME(setTile)(s, base, output, 4, share);
    for (; x < pixels; x++, base += s->pixelStep, output += s->outputStep) NAME(setTile)(s, base, output, 1, share);
}

static __attribute__((noinline)) void NAME(setRow2)(const NAME(Set) *s, int32_t pixels) { NAME(setRow)(s, pixels, 2); }
static __attribute__((noinline)) void NAME(setRow4)(const NAME(Set) *s, int32_t pixels) { NAME(setRow)(s, pixels, 4); }

// `[pixel][group][quad]` words to `[pixel][quad][group]`.
static void NAME(interleaveGroups)(const uint8_t *from, int64_t fromStep, int32_t pixels, int32_t quads, int32_t share,
                                   uint8_t *to) {
    int32_t words = quads * share;
    if (words <= 16) {
        uint32_t order[16] = {0};
        for (int32_t q = 0; q < quads; q++)
            for (int32_t m = 0; m < share; m++) order[q * share + m] = (uint32_t)(m * quads + q);
        __m512i index = _mm512_loadu_si512(order);
        __mmask16 mask = (__mmask16)((1u << words) - 1);
        for (int32_t x = 0; x < pixels; x++, from += fromStep, to += 4 * words)
            _mm512_mask_storeu_epi32(to, mask, _mm512_permutexvar_epi32(index, _mm512_maskz_loadu_epi32(mask, from)));
        return;
    }
    for (int32_t x = 0; x < pixels; x++, from += fromStep)
        for (int32_t q = 0; q < quads; q++)
            for (int32_t m = 0; m < share; m++, to += 4) memcpy(to, from + 4 * (m * quads + q), 4);
}

// Each quad's weights of all groups of a set, `from` giving each lane its place among them.
static void NAME(sortWeights)(const int8_t *weights, int64_t groupBytes, int32_t members, int32_t width, int32_t quads,
                              __m512i from, __mmask16 used, int8_t *sorted) {
    for (int32_t q = 0; q < quads; q++, weights += width * 4, sorted += 64) {
        __m512i all = _mm512_setzero_si512();
        for (int32_t m = 0; m < members; m++) {
            __mmask16 place = (__mmask16)(((1u << width) - 1) << (m * width));
            all = _mm512_mask_expandloadu_epi32(all, place, weights + m * groupBytes);
        }
        _mm512_storeu_si512(sorted, _mm512_maskz_permutexvar_epi32(used, from, all));
    }
}

static int NAME(convolveSmallGroups)(const SKInput *in, const SKOutput *out, const SKWindow *window, const SKConvolution *conv) {
    int32_t inputs = conv->groupInputs, outputs = conv->groupOutputs, groups = conv->groups;
    int32_t quads = (inputs + 3) / 4, groupStep = quads * 4, width = (outputs + 3) / 4 * 4, share = 16 / width;
    int32_t taps = window->kernelHeight * window->kernelWidth;
    int32_t reach = (window->kernelWidth - 1) * window->dilation + 1;
    int32_t columns = (out->width - 1) * window->stride + reach;
    int32_t pixelStep = groupStep * share, madeStep = (groups * outputs + 63) / 64 * 64;
    if (taps * quads > SMALL_GROUP_QUADS || window->dilation != 1 ||
        (int64_t)columns * pixelStep * window->kernelHeight > 2 * PACKED_BYTES ||
        (int64_t)columns * pixelStep > PACKED_BYTES || (out->channels && (int64_t)madeStep * out->width > PACKED_BYTES))
        return 0;
    uint8_t packed[2 * PACKED_BYTES + 64], sorted[PACKED_BYTES + 64], made[out->channels ? PACKED_BYTES + 64 : 1];
    int8_t weights[SMALL_GROUP_QUADS * 64];
    int32_t bias[16], multiplier[16];
    int8_t shift[16];
    int32_t begin = window->paddingLeft < columns ? window->paddingLeft : columns;
    int32_t end = in->width + window->paddingLeft < columns ? in->width + window->paddingLeft : columns;
    if (end < begin) end = begin;

    NAME(Set) set = {.base = packed,
                     .pixelStep = (int64_t)window->stride * pixelStep,
                     .runStep = (int64_t)columns * pixelStep,
                     .runs = window->kernelHeight,
                     .runQuads = window->kernelWidth * quads,
                     .weights = weights,
                     .outputStep = out->channels ? madeStep : out->pixelBytes,
                     .lanes = conv->requantization};
    set.lanes.bias = bias;
    set.lanes.multiplier = multiplier;
    set.lanes.shift = shift;

    for (int32_t first = 0; first < groups; first += share) {
        int32_t members = groups - first < share ? groups - first : share;
        uint8_t order[64] = {0};
        uint32_t from[16];
        __mmask16 used = 0;
        for (int32_t lane = 0; lane < 16; lane++) {
            int32_t m = lane % share, o = lane / share;
            int isUsed = m < members && o < outputs;
            int32_t channel = (first + m) * outputs + o;
            bias[lane] = isUsed ? conv->requantization.bias[channel] : 0;
            multiplier[lane] = isUsed ? conv->requantization.multiplier[channel] : 0;
            shift[lane] = isUsed ? conv->requantization.shift[channel] : 0;
            if (isUsed) used |= (__mmask16)(1 << lane);
            from[lane] = (uint32_t)(m * width + o);
            for (int32_t i = 0; isUsed && i < 4; i++)
                order[i * 16 + m * outputs + o] = (uint8_t)(lane / 4 * 16 + i / 2 * 8 + lane % 4 * 2 + i % 2);
        }
        NAME(sortWeights)(conv->weights + (int64_t)first * width * taps * groupStep, (int64_t)width * taps * groupStep, members,
                          width, taps * quads, _mm512_loadu_si512(from), used, weights);
        set.order = _mm512_loadu_si512(order);
        set.stored = (__mmask16)((1u << (members * outputs)) - 1);
        NAME(loadScales)(&set.scales, &set.lanes, 0, 1);
        set.output = (out->channels ? made : out->start) + first * outputs;

        for (int32_t ky = 0; ky < window->kernelHeight; ky++) {
            const uint8_t *row = in->rows[ky];
            uint8_t *to = packed + ky * set.runStep;
            uint8_t pad[1024] = {0};
            if (share * groupStep > (int32_t)sizeof pad) return 0;
            for (int32_t m = 0; m < members; m++) memcpy(pad + m * groupStep, conv->padPixel + (first + m) * inputs, (size_t)inputs);
            int32_t lower = row ? begin : columns, upper = row ? end : columns;
            NAME(interleaveGroups)(pad, 0, lower, quads, share, to);
            NAME(interleaveGroups)(pad, 0, columns - upper, quads, share, to + (int64_t)upper * pixelStep);
            if (upper == lower) continue;
            const uint8_t *from = row + (int64_t)(lower - window->paddingLeft) * in->pixelBytes + first * inputs;
            int64_t fromStep = in->pixelBytes;
            if (in->channels || inputs % 4 != 0 || members < share) {
                for (int32_t m = 0; m < members; m++)
                    NAME(packPixels)(in, from - first * inputs, upper - lower, (first + m) * inputs, inputs,
                                     sorted + m * groupStep, pixelStep);
                from = sorted;
                fromStep = pixelStep;
            }
            NAME(interleaveGroups)(from, fromStep, upper - lower, quads, share, to + (int64_t)lower * pixelStep);
        }
        if (share == 4) NAME(setRow4)(&set, out->width);
        else NAME(setRow2)(&set, out->width);
    }
    if (out->channels)
        NAME(scatter)(made, madeStep, out->width, out->channels, groups * outputs, out->start, out->pixelBytes);
    return 1;
}

// MARK: As one group

#define DENSE_QUADS 64

// A 1x1 convolution of small groups as one group with zeros between: tiles read the row where it lies and write every output where
// it belongs. Four times the products, but nothing is packed or scattered.
// Gain on CondenseNet-74's first two stages, 16 to 128 into 32 and 64 channels in 4 groups: 1.3 times.
static int NAME(convolveAsDense)(const SKInput *in, const SKOutput *out, const SKWindow *window, const SKConvolution *conv) {
    int32_t inputs = conv->groupInputs, outputs = conv->groupOutputs, groups = conv->groups;
    int32_t count = groups * outputs, channels = groups * inputs, quads = channels / 4, blocks = (count + 15) / 16;
    int32_t groupQuads = (inputs + 3) / 4, width = (outputs + 3) / 4 * 4;
    if (window->kernelHeight * window->kernelWidth != 1 || window->paddingLeft || !in->rows[0] || in->channels ||
        (out->width - 1) * window->stride >= in->width || channels % 4 || count > 64 || quads > DENSE_QUADS)
        return 0;
    // The lane of each output is its byte, counted from the lowest one: without gaps, or this is not the way.
    int32_t lowest = out->channels ? out->channels[0] : 0;
    for (int32_t c = 0; out->channels && c < count; c++) lowest = out->channels[c] < lowest ? out->channels[c] : lowest;
    uint64_t seen = 0;
    int8_t weights[DENSE_QUADS * 4 * 64];
    int32_t bias[64] = {0}, multiplier[64] = {0};
    int8_t shift[64] = {0};
    memset(weights, 0, (size_t)(blocks * quads * 64));
    for (int32_t c = 0; c < count; c++) {
        int32_t lane = out->channels ? out->channels[c] - lowest : c;
        if (lane >= count) return 0;
        seen |= 1ull << lane;
        bias[lane] = conv->requantization.bias[c];
        multiplier[lane] = conv->requantization.multiplier[c];
        shift[lane] = conv->requantization.shift[c];
        int32_t first = c / outputs * inputs;
        const int8_t *from = conv->weights + ((int64_t)(c / outputs) * groupQuads * width + c % outputs) * 4;
        int8_t *to = weights + (int64_t)(lane / 16) * quads * 64 + lane % 16 * 4;
        if (inputs % 4 == 0) {
            for (int32_t q = 0; q < groupQuads; q++) memcpy(to + (first / 4 + q) * 64, from + q * width * 4, 4);
            continue;
        }
        for (int32_t i = 0; i < inputs; i++) to[(first + i) / 4 * 64 + (first + i) % 4] = from[i / 4 * width * 4 + i % 4];
    }
    if (seen != _bzhi_u64(~0ull, (unsigned)count)) return 0;

    SKRequantization lanes = conv->requantization;
    lanes.bias = bias;
    lanes.multiplier = multiplier;
    lanes.shift = shift;
    int64_t runOffset = 0;
    NAME(Tile) tile = {.pixelStep = (int64_t)window->stride * in->pixelBytes,
                       .runOffsets = &runOffset,
                       .runs = 1,
                       .runQuads = quads,
                       .weights = weights,
                       .blockBytes = (int64_t)quads * 64,
                       .outputStep = out->pixelBytes,
                       .outputs = count,
                       .requantization = &lanes};
    NAME(Scales) scales;
    NAME(loadScales)(&scales, &lanes, 0, blocks);
    int32_t most = NAME(mostPixels)(blocks);
    for (int32_t x = 0; x < out->width; x += most) {
        tile.base = in->rows[0] + x * tile.pixelStep;
        tile.output = out->start + lowest + (int64_t)x * out->pixelBytes;
        NAME(runTile)(&tile, &scales, out->width - x < most ? out->width - x : most, blocks, 0);
    }
    return 1;
}
