// Depthwise 1x1 windows with AVX-512, a scale and an offset for each channel; part of avx512.c.
//
// Nothing is added up, so nothing has to be interleaved: 16 bytes become 16 lanes as they are loaded, wherever pixels lie, and
// rounding is that of a tile of a dense convolution. Gain: 1.2 (64 channels, 28 wide) to 2.5 times (16 of 64).

typedef struct {
    const uint8_t *input;
    int64_t inputStep;
    uint8_t *output;
    int64_t outputStep;
    int32_t pixels;
    int32_t channel, count;  // the block's first channel, and how many it has: 64 at most
} NAME(Scaling);

static inline __attribute__((always_inline)) void NAME(scalePixels)(const NAME(Scaling) *job, const SKConvolution *conv,
                                                                    const int P, const int V) {
    const SKRequantization *r = &conv->requantization;
    NAME(Scales) scales;
    NAME(loadScales)(&scales, r, job->channel, V);
    const int8_t *weights = conv->weights + job->channel;
    __m512i bias[V], weight[V];
    UNROLL for (int v = 0; v < V; v++) {
        bias[v] = _mm512_loadu_si512(r->bias + job->channel + 16 * v);
        // Bytes beyond the first meet zeros of the input.
        weight[v] = _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)(weights + 16 * v)));
    }
    const __mmask16 last = (__mmask16)_bzhi_u32(0xFFFF, (unsigned)(job->count - 16 * (V - 1)));
    const uint8_t *input = job->input;
    uint8_t *output = job->output;
    for (int32_t x = 0; x < job->pixels; x += P, input += P * job->inputStep, output += P * job->outputStep) {
        __m512i acc[MOST_PIXELS][MOST_VECTORS];
        UNROLL for (int p = 0; p < P; p++) UNROLL for (int v = 0; v < V; v++) {
            const uint8_t *from = input + p * job->inputStep + 16 * v;
            __m128i bytes = v + 1 < V ? _mm_loadu_si128((const void *)from) : _mm_maskz_loadu_epi8(last, from);
            acc[p][v] = _mm512_dpbusd_epi32(bias[v], _mm512_cvtepu8_epi32(bytes), weight[v]);
        }
        NAME(storeTile)(acc, P, V, &scales, r, job->channel, output, job->outputStep, job->count);
    }
}

#define SCALE(suffix, P, V)                                                                                          \
    static __attribute__((noinline)) void NAME(scale##suffix)(const NAME(Scaling) *job, const SKConvolution *conv) { \
        NAME(Scaling) whole = *job, rest = *job;                                                                     \
        whole.pixels = job->pixels / P * P;                                                                          \
        rest.pixels = job->pixels - whole.pixels;                                                                    \
        rest.input += whole.pixels * job->inputStep;                                                                 \
        rest.output += whole.pixels * job->outputStep;                                                               \
        if (whole.pixels) NAME(scalePixels)(&whole, conv, P, V);                                                     \
        if (rest.pixels) NAME(scalePixels)(&rest, conv, 1, V);                                                       \
    }
SCALE(One, 4, 1)
SCALE(Two, 2, 2)
SCALE(Three, 1, 3)
SCALE(Four, 1, 4)

static int NAME(canScale)(const SKInput *in, const SKOutput *out, const SKWindow *w) {
    return w->kernelHeight == 1 && w->kernelWidth == 1 && w->paddingLeft == 0 && !in->channels && !out->channels &&
           in->rows[0] && (out->width - 1) * w->stride < in->width;
}

static void NAME(scaleRow)(const SKInput *in, const SKOutput *out, const SKWindow *w, const SKConvolution *conv) {
    for (int32_t c = 0; c < conv->groups; c += 64) {
        NAME(Scaling) job = {.input = in->rows[0] + c,
                             .inputStep = (int64_t)w->stride * in->pixelBytes,
                             .output = out->start + c,
                             .outputStep = out->pixelBytes,
                             .pixels = out->width,
                             .channel = c,
                             .count = conv->groups - c < 64 ? conv->groups - c : 64};
        if (job.count > 48) NAME(scaleFour)(&job, conv);
        else if (job.count > 32) NAME(scaleThree)(&job, conv);
        else if (job.count > 16) NAME(scaleTwo)(&job, conv);
        else NAME(scaleOne)(&job, conv);
    }
}
