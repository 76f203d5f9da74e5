// Convolutions of stride 1 in narrow groups, on planes: a group's sums need few channels, but long rows of each. Part of
// kernels.h's text. (CondenseNet, four layers a block, growth 16-32-64, CIFAR, trains 2.3 times as fast as with im2col and a
// matrix product for each group, with what UnitBuilder's `places` saves.) What it does not do: strides, or groups so wide that
// a matrix product is faster.
#include "planes.h"

// Eight rows of eight floats change places with their columns.
typedef float NAME(eight) __attribute__((vector_size(32), aligned(4)));
#define EXCHANGE(STEP, LOW, HIGH)                                          \
    for (int i = 0; i < 8; i++)                                            \
        if (!(i & STEP)) {                                                 \
            NAME(eight) a = row[i], b = row[i + STEP];                     \
            row[i] = __builtin_shufflevector(a, b, LANES_OF LOW);          \
            row[i + STEP] = __builtin_shufflevector(a, b, LANES_OF HIGH);  \
        }
#define LANES_OF(...) __VA_ARGS__

static inline __attribute__((always_inline)) void NAME(transpose8)(const float *in, ptrdiff_t inStep, float *out,
                                                                   ptrdiff_t outStep, int accumulate) {
    NAME(eight) row[8];
    for (int i = 0; i < 8; i++) row[i] = *(const NAME(eight) *)(in + i * inStep);
    EXCHANGE(1, (0, 8, 2, 10, 4, 12, 6, 14), (1, 9, 3, 11, 5, 13, 7, 15))
    EXCHANGE(2, (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15))
    EXCHANGE(4, (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15))
    for (int i = 0; i < 8; i++) {
        NAME(eight) *to = (NAME(eight) *)(out + i * outStep);
        *to = accumulate ? *to + row[i] : row[i];
    }
}

static void NAME(toPlanes)(const STPlanes *p, const float *x, float *planes, size_t size) {
    const size_t stride = st_planeStride(p);
    const int C = p->channels;
    memset(planes, 0, sizeof(float) * size);
    for (int row = 0; row < p->images * p->height; row++, x += p->width * C) {
        float *out = planes + (size_t)(row / p->height * p->rows + p->top + row % p->height) * p->columns + p->left;
        for (int column = 0, step; column < p->width; column += step) {
            step = p->width - column >= 8 ? 8 : 1;
            int c = 0;
            if (step == 8)
                for (; c + 8 <= C; c += 8) NAME(transpose8)(x + column * C + c, C, out + c * stride + column, stride, 0);
            for (; c < C; c++)
                for (int i = 0; i < step; i++) out[c * stride + column + i] = x[(column + i) * C + c];
        }
    }
}

static void NAME(fromPlanes)(const STPlanes *p, const float *planes, float *x, int accumulate) {
    const size_t stride = st_planeStride(p);
    const int C = p->channels;
    for (int row = 0; row < p->images * p->height; row++, x += p->width * C) {
        const float *in = planes + (size_t)(row / p->height * p->rows + row % p->height) * p->columns;
        for (int column = 0, step; column < p->width; column += step) {
            step = p->width - column >= 8 ? 8 : 1;
            int c = 0;
            if (step == 8)
                for (; c + 8 <= C; c += 8)
                    NAME(transpose8)(in + c * stride + column, stride, x + column * C + c, C, accumulate);
            for (; c < C; c++)
                for (int i = 0; i < step; i++) {
                    float *to = x + (column + i) * C + c;
                    *to = in[c * stride + column + i] + (accumulate ? *to : 0);
                }
        }
    }
}

// One group's weights as `products` reads them: elements from one output, one tap, one input to the next, and how far each
// tap moves the input planes.
typedef struct {
    const float *values;
    ptrdiff_t output, tap, input;
    int outputs, inputs, taps;
    const int *moves;
} NAME(GroupWeights);

// Sums of two vectors at a time for N outputs, which stay in registers.
static inline __attribute__((always_inline)) void NAME(outputProducts)(const float *in, size_t inSize, float *out,
                                                                       size_t outSize, size_t length,
                                                                       const NAME(GroupWeights) *w, int first,
                                                                       const int N) {
    for (size_t begin = 0; begin < length; begin += 2 * LANES) {
        V sums[8] = {{0}};
        const float *weight = w->values + first * w->output;
        for (int input = 0; input < w->inputs; input++, weight += w->input)
            for (int tap = 0; tap < w->taps; tap++) {
                const float *at = in + input * inSize + begin + w->moves[tap];
                V low = NAME(load)(at), high = NAME(load)(at + LANES);
                for (int n = 0; n < N; n++) {
                    float factor = weight[tap * w->tap + n * w->output];
                    sums[2 * n] += low * factor;
                    sums[2 * n + 1] += high * factor;
                }
            }
        for (int n = 0; n < N; n++) {
            V *to = (V *)(out + (first + n) * outSize + begin);
            to[0] = sums[2 * n];
            to[1] = sums[2 * n + 1];
        }
    }
}

static void NAME(products)(const float *in, size_t inSize, float *out, size_t outSize, size_t length,
                           const NAME(GroupWeights) *w) {
    int first = 0;
    for (; first + 4 <= w->outputs; first += 4) NAME(outputProducts)(in, inSize, out, outSize, length, w, first, 4);
    for (; first + 2 <= w->outputs; first += 2) NAME(outputProducts)(in, inSize, out, outSize, length, w, first, 2);
    for (; first < w->outputs; first++) NAME(outputProducts)(in, inSize, out, outSize, length, w, first, 1);
}

static void NAME(moves)(const STWindow *s, int columns, int isMirrored, int *moves) {
    const int taps = s->kernelHeight * s->kernelWidth;
    for (int tap = 0; tap < taps; tap++) {
        int place = isMirrored ? taps - 1 - tap : tap;
        moves[tap] = place / s->kernelWidth * s->dilationHeight * columns + place % s->kernelWidth * s->dilationWidth;
    }
}

// The convolution of some planes into others, group by group.
static void NAME(groupProducts)(const STPlanes *from, const STPlanes *to, int groups, const float *in, float *out,
                                ptrdiff_t groupWeights, NAME(GroupWeights) w) {
    for (int group = 0; group < groups; group++, w.values += groupWeights)
        NAME(products)(in + group * w.inputs * st_planeStride(from), st_planeStride(from),
                       out + group * w.outputs * st_planeStride(to), st_planeStride(to), st_planeLength(to), &w);
}

static void NAME(groupedForward)(const STWindow *s, int32_t groups, int32_t outputs, const float *x,
                                 const float *weight, float *y, float *scratch) {
    const int taps = s->kernelHeight * s->kernelWidth, inputs = s->channels / groups;
    STWindow part = st_stacked(s);
    int moves[ST_MOST_TAPS];
    for (int image = 0; image < s->images; image += part.images) {
        if (part.images > s->images - image) part.images = s->images - image;
        const STPlanes from = st_inputPlanes(&part), to = st_outputPlanes(&part, outputs);
        const size_t size = st_planesSize(&from, s);
        NAME(moves)(s, from.columns, 0, moves);
        NAME(toPlanes)(&from, x + (size_t)image * s->height * s->width * s->channels, scratch, size);
        NAME(groupProducts)(&from, &to, groups, scratch, scratch + size, (ptrdiff_t)outputs / groups * taps * inputs,
                            (NAME(GroupWeights)){weight, (ptrdiff_t)taps * inputs, inputs, 1, outputs / groups, inputs,
                                                 taps, moves});
        NAME(fromPlanes)(&to, scratch + size, y + (size_t)image * s->outHeight * s->outWidth * outputs, 0);
    }
}

static void NAME(groupedBackwardInput)(const STWindow *s, int32_t groups, int32_t outputs, const float *dy,
                                       const float *weight, float *dx, int accumulate, float *scratch) {
    const int taps = s->kernelHeight * s->kernelWidth, inputs = s->channels / groups;
    STWindow part = st_stacked(s);
    int moves[ST_MOST_TAPS];
    for (int image = 0; image < s->images; image += part.images) {
        if (part.images > s->images - image) part.images = s->images - image;
        const STPlanes from = st_mirroredPlanes(&part, outputs), to = st_inputGradientPlanes(&part);
        const size_t size = st_planesSize(&from, s);
        NAME(moves)(s, from.columns, 1, moves);
        NAME(toPlanes)(&from, dy + (size_t)image * s->outHeight * s->outWidth * outputs, scratch, size);
        NAME(groupProducts)(&from, &to, groups, scratch, scratch + size, (ptrdiff_t)outputs / groups * taps * inputs,
                            (NAME(GroupWeights)){weight, 1, inputs, (ptrdiff_t)taps * inputs, inputs, outputs / groups,
                                                 taps, moves});
        NAME(fromPlanes)(&to, scratch + size, dx + (size_t)image * s->height * s->width * s->channels, accumulate);
    }
}

static inline __attribute__((always_inline)) float NAME(sum)(V vector) {
    float lanes[LANES];
    *(V *)lanes = vector;
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    return lanes[0];
}

// Adds the products of one input plane, M places apart, with N planes of gradients; those end in zeros.
static inline __attribute__((always_inline)) void NAME(planeProducts)(const float *x, int apart, const float *dy,
                                                                      size_t stride, float *dw, ptrdiff_t dwOutput,
                                                                      ptrdiff_t dwTap, const int N, const int M) {
    V sums[4][3] = {{{0}}};
    for (size_t i = 0; i < stride; i += LANES)
        for (int m = 0; m < M; m++) {
            V in = NAME(load)(x + i + m * apart);
            for (int n = 0; n < N; n++) sums[n][m] += in * NAME(load)(dy + n * stride + i);
        }
    for (int n = 0; n < N; n++)
        for (int m = 0; m < M; m++) dw[n * dwOutput + m * dwTap] += NAME(sum)(sums[n][m]);
}

static void NAME(groupedBackwardWeight)(const STWindow *s, int32_t groups, int32_t outputs, const float *x,
                                        const float *dy, float *dWeight, float *scratch) {
    const int taps = s->kernelHeight * s->kernelWidth, inputs = s->channels / groups, groupOutputs = outputs / groups;
    const ptrdiff_t row = (ptrdiff_t)taps * inputs;
    STWindow part = st_stacked(s);
    int moves[ST_MOST_TAPS];
    for (int image = 0; image < s->images; image += part.images) {
        if (part.images > s->images - image) part.images = s->images - image;
        const STPlanes input = st_inputPlanes(&part), gradient = st_outputPlanes(&part, outputs);
        const size_t size = st_planesSize(&input, s), stride = st_planeStride(&input);
        float *gradients = scratch + size;
        NAME(moves)(s, input.columns, 0, moves);
        NAME(toPlanes)(&input, x + (size_t)image * s->height * s->width * s->channels, scratch, size);
        NAME(toPlanes)(&gradient, dy + (size_t)image * s->outHeight * s->outWidth * outputs, gradients,
                       st_planesSize(&gradient, s));
        for (int output = 0, step; output < outputs; output += step) {
            const int left = groupOutputs - output % groupOutputs;
            step = left >= 4 ? 4 : left >= 2 ? 2 : 1;
            for (int c = 0; c < inputs; c++)
                for (int tap = 0, run; tap < taps; tap += run) {
                    const float *in = scratch + (output / groupOutputs * inputs + c) * stride + moves[tap];
                    const float *g = gradients + output * stride;
                    float *dw = dWeight + output * row + tap * inputs + c;
                    const int apart = s->dilationWidth;
                    run = s->kernelWidth == 3 ? 3 : 1;  // taps that share each load of gradients
#define PRODUCTS(N)                                                                    \
    case N:                                                                            \
        if (run == 3) NAME(planeProducts)(in, apart, g, stride, dw, row, inputs, N, 3); \
        else NAME(planeProducts)(in, apart, g, stride, dw, row, inputs, N, 1);          \
        break;
                    switch (step) { PRODUCTS(1) PRODUCTS(2) PRODUCTS(4) }
#undef PRODUCTS
                }
        }
    }
}
