// Convolutions of many small groups with AVX-512; part of avx512.c.
//
// A group of 8 outputs or fewer leaves half of a vector idle, of 4 or fewer three quarters. So 2 or 4 groups share one: lane
// `output * share + group` belongs to a group of the set, and the inputs are packed so that one load brings each lane the
// quad of its own group: [kernel row][column][quad][group of the set][4]. The groups' weights are put together as they are
// loaded, once for 12 pixels (sorted in advance, once a row, they took a quarter of the time of 128 to 32 channels at 28
// pixels). Gain on CondenseNet-74's first stage, 32 to 8 channels in 4 groups, 3x3: 5 times.

typedef struct {
    const uint8_t *base;
    int64_t pixelStep;
    int64_t runStep;
    int32_t runs;
    int32_t runQuads;
    const int8_t *weights;  // [group][quad][16 / share][4]
    int64_t groupBytes;
    int32_t members;        // groups that there are, of `share`
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

// One quad's weights of a set.
static inline __attribute__((always_inline)) __m512i NAME(weightsOfSet)(const int8_t *const *w, int64_t offset, const int share) {
    if (share == 4) {
        const __m512i order = _mm512_set_epi32(23, 19, 7, 3, 22, 18, 6, 2, 21, 17, 5, 1, 20, 16, 4, 0);
        __m256i first = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)(w[0] + offset))),
                                                _mm_loadu_si128((const void *)(w[1] + offset)), 1);
        __m256i second = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)(w[2] + offset))),
                                                 _mm_loadu_si128((const void *)(w[3] + offset)), 1);
        return _mm512_permutex2var_epi32(_mm512_castsi256_si512(first), order, _mm512_castsi256_si512(second));
    }
    const __m512i order = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutex2var_epi32(_mm512_castsi256_si512(_mm256_loadu_si256((const void *)(w[0] + offset))), order,
                                     _mm512_castsi256_si512(_mm256_loadu_si256((const void *)(w[1] + offset))));
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
    // A group that is not there has the first one's, for sums that nobody stores.
    const int8_t *w[4];
    for (int m = 0; m < share; m++) w[m] = s->weights + (m < s->members ? m * s->groupBytes : 0);
    int64_t offset = 0;
    for (int run = 0; run < s->runs; run++, base += s->runStep)
        for (int64_t q = 0; q < s->runQuads; q++, offset += 64 / share) {
            __m512i weights = NAME(weightsOfSet)(w, offset, share);
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

// How `[pixel][group][quad]` words become `[pixel][quad][group]`: where each of them comes from, of as many whole pixels as fill
// a vector. Worked out once a row, for all kernel rows and their padding (1.1 to 1.4 times as fast, 28 to 112 wide).
typedef struct {
    __m512i from;
    int32_t quads, share, words;  // words of a pixel
    int32_t together;             // pixels
} NAME(Order);

static NAME(Order) NAME(orderOf)(int32_t quads, int32_t share) {
    NAME(Order) order = {.quads = quads, .share = share, .words = quads * share};
    order.together = order.words <= 16 ? 16 / order.words : 0;
    uint32_t from[16] = {0};
    for (int32_t x = 0; x < order.together; x++)
        for (int32_t q = 0; q < quads; q++)
            for (int32_t m = 0; m < share; m++)
                from[x * order.words + q * share + m] = (uint32_t)(x * order.words + m * quads + q);
    order.from = _mm512_loadu_si512(from);
    return order;
}

static void NAME(interleaveGroups)(const uint8_t *from, int64_t fromStep, int32_t pixels, const NAME(Order) *order, uint8_t *to) {
    const int32_t words = order->words;
    if (!order->together) {
        for (int32_t x = 0; x < pixels; x++, from += fromStep)
            for (int32_t q = 0; q < order->quads; q++)
                for (int32_t m = 0; m < order->share; m++, to += 4) memcpy(to, from + 4 * (m * order->quads + q), 4);
        return;
    }
    // Several pixels where they touch.
    const int32_t together = fromStep == 4 * words ? order->together : 1;
    const __mmask16 one = (__mmask16)((1u << words) - 1), all = (__mmask16)((1u << (together * words)) - 1);
    for (; pixels >= together; pixels -= together, from += together * fromStep, to += together * 4 * words)
        _mm512_mask_storeu_epi32(to, all, _mm512_permutexvar_epi32(order->from, _mm512_maskz_loadu_epi32(all, from)));
    for (; pixels > 0; pixels--, from += fromStep, to += 4 * words)
        _mm512_mask_storeu_epi32(to, one, _mm512_permutexvar_epi32(order->from, _mm512_maskz_loadu_epi32(one, from)));
}

static int NAME(convolveSmallGroups)(const SKInput *in, const SKOutput *out, const SKWindow *window, const SKConvolution *conv) {
    int32_t inputs = conv->groupInputs, outputs = conv->groupOutputs, groups = conv->groups;
    int32_t quads = (inputs + 3) / 4, groupStep = quads * 4, width = (outputs + 3) / 4 * 4, share = 16 / width;
    int32_t taps = window->kernelHeight * window->kernelWidth;
    int32_t reach = (window->kernelWidth - 1) * window->dilation + 1;
    int32_t columns = (out->width - 1) * window->stride + reach;
    int32_t pixelStep = groupStep * share, madeStep = (groups * outputs + 63) / 64 * 64;
    if (window->dilation != 1 ||
        (int64_t)columns * pixelStep * window->kernelHeight > 2 * PACKED_BYTES ||
        (int64_t)columns * pixelStep > PACKED_BYTES || (out->channels && (int64_t)madeStep * out->width > PACKED_BYTES))
        return 0;
    uint8_t packed[2 * PACKED_BYTES + 64], sorted[PACKED_BYTES + 64], made[PACKED_BYTES + 64];
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
                     .groupBytes = (int64_t)width * taps * groupStep,
                     .outputStep = out->channels ? madeStep : out->pixelBytes,
                     .lanes = conv->requantization};
    set.lanes.bias = bias;
    set.lanes.multiplier = multiplier;
    set.lanes.shift = shift;

    const NAME(Order) order = NAME(orderOf)(quads, share);
    for (int32_t first = 0; first < groups; first += share) {
        int32_t members = groups - first < share ? groups - first : share;
        uint8_t bytes[64] = {0};
        for (int32_t lane = 0; lane < 16; lane++) {
            int32_t m = lane % share, o = lane / share;
            int isUsed = m < members && o < outputs;
            int32_t channel = (first + m) * outputs + o;
            bias[lane] = isUsed ? conv->requantization.bias[channel] : 0;
            multiplier[lane] = isUsed ? conv->requantization.multiplier[channel] : 0;
            shift[lane] = isUsed ? conv->requantization.shift[channel] : 0;
            for (int32_t i = 0; isUsed && i < 4; i++)
                bytes[i * 16 + m * outputs + o] = (uint8_t)(lane / 4 * 16 + i / 2 * 8 + lane % 4 * 2 + i % 2);
        }
        set.weights = conv->weights + first * set.groupBytes;
        set.members = members;
        set.order = _mm512_loadu_si512(bytes);
        set.stored = (__mmask16)((1u << (members * outputs)) - 1);
        NAME(loadScales)(&set.scales, &set.lanes, 0, 1);
        set.output = (out->channels ? made : out->start) + first * outputs;

        for (int32_t ky = 0; ky < window->kernelHeight; ky++) {
            const uint8_t *row = in->rows[ky];
            uint8_t *to = packed + ky * set.runStep;
            uint8_t pad[1024];
            if (share * groupStep > (int32_t)sizeof pad) return 0;
            memset(pad, 0, (size_t)(share * groupStep));
            for (int32_t m = 0; m < members; m++) memcpy(pad + m * groupStep, conv->padPixel + (first + m) * inputs, (size_t)inputs);
            int32_t lower = row ? begin : columns, upper = row ? end : columns;
            NAME(interleaveGroups)(pad, 0, lower, &order, to);
            NAME(interleaveGroups)(pad, 0, columns - upper, &order, to + (int64_t)upper * pixelStep);
            if (upper == lower) continue;
            const uint8_t *from = row + (int64_t)(lower - window->paddingLeft) * in->pixelBytes + first * inputs;
            int64_t fromStep = in->pixelBytes;
            if (in->channels || inputs % 4 != 0 || members < share) {
                for (int32_t m = 0; m < members; m++)
                    NAME(packPixels)(in->channels, from - first * inputs, in->pixelBytes, upper - lower, (first + m) * inputs,
                                     inputs, sorted + m * groupStep, pixelStep);
                from = sorted;
                fromStep = pixelStep;
            }
            NAME(interleaveGroups)(from, fromStep, upper - lower, &order, to + (int64_t)lower * pixelStep);
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

// A 1x1 convolution of small groups as one group with zeros between: tiles read the row where it lies and write every output
// where it belongs. Four times the products, but nothing is packed or scattered. Gain on CondenseNet-74's first two stages, 16
// to 128 into 32 and 64 channels in 4 groups: 1.3 times.
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
