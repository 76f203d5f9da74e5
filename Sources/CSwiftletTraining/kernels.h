// The kernels' text, compiled once for each instruction set; NAME(x) gives each copy a name of its own. Inner loops run
// over channels, which are contiguous, so the compiler vectorizes them without changing any order of summation.
#include "CSwiftletTraining.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

// Loops with expf or tanhf stay scalar where the library has no vector form: slower, not wrong.
#pragma clang diagnostic ignored "-Wpass-failed"

#define CHUNK 128  // rows summed in float before they go into a double
#define TILE 128   // values of a row taken at once
// Elements do not depend on each other, even where output and input are the same array. Few rows are long: unrolling
// beyond a vector would leave most of them to the remainder loop.
#define VECTOR _Pragma("clang loop vectorize(assume_safety) interleave_count(1)")

static inline __attribute__((always_inline)) float NAME(act)(float t, STActivation a) {
    switch (a.kind) {
    case 1: return t > 0 ? t : 0;
    case 2: return t > 0 ? (t < 6 ? t : 6) : 0;
    case 3: return t > 0 ? t : a.slope * t;
    case 4: return 1 / (1 + expf(-t));
    case 5: return tanhf(t);
    case 6: return t / (1 + expf(-t));
    case 7: return t > 0 ? t : a.slope * expm1f(t);
    case 8: return t > -3 ? (t < 3 ? t * (t + 3) / 6 : t) : 0;
    default: return t;
    }
}

static inline __attribute__((always_inline)) float NAME(slope)(float t, STActivation a) {
    switch (a.kind) {
    case 1: return t > 0 ? 1 : 0;
    case 2: return t > 0 && t < 6 ? 1 : 0;
    case 3: return t > 0 ? 1 : a.slope;
    case 4: { float s = 1 / (1 + expf(-t)); return s * (1 - s); }
    case 5: { float s = tanhf(t); return 1 - s * s; }
    case 6: { float s = 1 / (1 + expf(-t)); return s + t * s * (1 - s); }
    case 7: return t > 0 ? 1 : a.slope * expf(t);
    case 8: return t > -3 ? (t < 3 ? (2 * t + 3) / 6 : 1) : 0;
    default: return 1;
    }
}

// Compiles BODY with the activation's kind known, so that its branches leave the inner loops.
#define FOR_EACH_ACTIVATION(activation, BODY)                                         \
    switch ((activation).kind) {                                                      \
    case 0: { const STActivation A = {0, 0}; BODY } break;                            \
    case 1: { const STActivation A = {1, 0}; BODY } break;                            \
    case 2: { const STActivation A = {2, 0}; BODY } break;                            \
    case 3: { const STActivation A = {3, (activation).slope}; BODY } break;           \
    case 4: { const STActivation A = {4, 0}; BODY } break;                            \
    case 5: { const STActivation A = {5, 0}; BODY } break;                            \
    case 6: { const STActivation A = {6, 0}; BODY } break;                            \
    case 7: { const STActivation A = {7, (activation).slope}; BODY } break;           \
    default: { const STActivation A = {8, 0}; BODY } break;                           \
    }

#include "depthwise.h"

static void NAME(depthwiseForward)(const STWindow *s, const float *x, const float *weight, float *y) {
    if (NAME(isPlain3x3)(s)) return NAME(depthwise3x3)(s, x, weight, y, 0);
    const int C = s->channels;
    for (int n = 0; n < s->images; n++)
        for (int oy = 0; oy < s->outHeight; oy++)
            for (int ox = 0; ox < s->outWidth; ox++) {
                float *restrict out = y + ((size_t)(n * s->outHeight + oy) * s->outWidth + ox) * C;
                memset(out, 0, sizeof(float) * C);
                for (int ky = 0; ky < s->kernelHeight; ky++) {
                    int iy = oy * s->strideHeight - s->paddingTop + ky * s->dilationHeight;
                    if (iy < 0 || iy >= s->height) continue;
                    for (int kx = 0; kx < s->kernelWidth; kx++) {
                        int ix = ox * s->strideWidth - s->paddingLeft + kx * s->dilationWidth;
                        if (ix < 0 || ix >= s->width) continue;
                        const float *restrict in = x + ((size_t)(n * s->height + iy) * s->width + ix) * C;
                        const float *restrict w = weight + (size_t)(ky * s->kernelWidth + kx) * C;
                        VECTOR for (int c = 0; c < C; c++) out[c] += in[c] * w[c];
                    }
                }
            }
}

static void NAME(depthwiseBackwardInput)(const STWindow *s, const float *dy, const float *weight, float *dx,
                                         int accumulate) {
    if (NAME(isPlain3x3)(s) && s->strideHeight == 1 && s->strideWidth == 1 && s->channels <= 4096)
        return NAME(depthwise3x3BackwardInput)(s, dy, weight, dx, accumulate);
    const int C = s->channels;
    if (!accumulate) memset(dx, 0, sizeof(float) * (size_t)s->images * s->height * s->width * C);
    for (int n = 0; n < s->images; n++)
        for (int oy = 0; oy < s->outHeight; oy++)
            for (int ox = 0; ox < s->outWidth; ox++) {
                const float *restrict g = dy + ((size_t)(n * s->outHeight + oy) * s->outWidth + ox) * C;
                for (int ky = 0; ky < s->kernelHeight; ky++) {
                    int iy = oy * s->strideHeight - s->paddingTop + ky * s->dilationHeight;
                    if (iy < 0 || iy >= s->height) continue;
                    for (int kx = 0; kx < s->kernelWidth; kx++) {
                        int ix = ox * s->strideWidth - s->paddingLeft + kx * s->dilationWidth;
                        if (ix < 0 || ix >= s->width) continue;
                        float *restrict out = dx + ((size_t)(n * s->height + iy) * s->width + ix) * C;
                        const float *restrict w = weight + (size_t)(ky * s->kernelWidth + kx) * C;
                        VECTOR for (int c = 0; c < C; c++) out[c] += g[c] * w[c];
                    }
                }
            }
}

static void NAME(depthwiseBackwardWeight)(const STWindow *s, const float *x, const float *dy, float *dWeight) {
    if (NAME(isPlain3x3)(s)) return NAME(depthwise3x3BackwardWeight)(s, x, dy, dWeight);
    const int C = s->channels;
    for (int n = 0; n < s->images; n++)
        for (int oy = 0; oy < s->outHeight; oy++)
            for (int ky = 0; ky < s->kernelHeight; ky++) {
                int iy = oy * s->strideHeight - s->paddingTop + ky * s->dilationHeight;
                if (iy < 0 || iy >= s->height) continue;
                for (int kx = 0; kx < s->kernelWidth; kx++) {
                    float *restrict w = dWeight + (size_t)(ky * s->kernelWidth + kx) * C;
                    for (int ox = 0; ox < s->outWidth; ox++) {
                        int ix = ox * s->strideWidth - s->paddingLeft + kx * s->dilationWidth;
                        if (ix < 0 || ix >= s->width) continue;
                        const float *restrict g = dy + ((size_t)(n * s->outHeight + oy) * s->outWidth + ox) * C;
                        const float *restrict in = x + ((size_t)(n * s->height + iy) * s->width + ix) * C;
                        VECTOR for (int c = 0; c < C; c++) w[c] += g[c] * in[c];
                    }
                }
            }
}

static void NAME(imageToColumns)(const STWindow *s, const float *x, const float *pad, int32_t first, int32_t count,
                                 float *col) {
    for (int oy = 0; oy < s->outHeight; oy++)
        for (int ox = 0; ox < s->outWidth; ox++)
            for (int ky = 0; ky < s->kernelHeight; ky++) {
                int iy = oy * s->strideHeight - s->paddingTop + ky * s->dilationHeight;
                for (int kx = 0; kx < s->kernelWidth; kx++, col += count) {
                    int ix = ox * s->strideWidth - s->paddingLeft + kx * s->dilationWidth;
                    if (iy >= 0 && iy < s->height && ix >= 0 && ix < s->width)
                        memcpy(col, x + ((size_t)iy * s->width + ix) * s->channels + first, sizeof(float) * count);
                    else if (pad)
                        memcpy(col, pad + first, sizeof(float) * count);
                    else
                        memset(col, 0, sizeof(float) * count);
                }
            }
}

static void NAME(columnsToImage)(const STWindow *s, const float *col, int32_t first, int32_t count, float *dx) {
    for (int oy = 0; oy < s->outHeight; oy++)
        for (int ox = 0; ox < s->outWidth; ox++)
            for (int ky = 0; ky < s->kernelHeight; ky++) {
                int iy = oy * s->strideHeight - s->paddingTop + ky * s->dilationHeight;
                for (int kx = 0; kx < s->kernelWidth; kx++, col += count) {
                    int ix = ox * s->strideWidth - s->paddingLeft + kx * s->dilationWidth;
                    if (iy < 0 || iy >= s->height || ix < 0 || ix >= s->width) continue;
                    float *restrict out = dx + ((size_t)iy * s->width + ix) * s->channels + first;
                    for (int c = 0; c < count; c++) out[c] += col[c];
                }
            }
}

static void NAME(addBias)(float *x, int64_t rows, int32_t C, const float *bias) {
    for (int64_t r = 0; r < rows; r++) {
        float *restrict out = x + r * C;
        for (int c = 0; c < C; c++) out[c] += bias[c];
    }
}

static void NAME(biasGradient)(const float *dy, int64_t rows, int32_t C, float *dBias) {
    for (int64_t r = 0; r < rows; r++) {
        const float *restrict g = dy + r * C;
        for (int c = 0; c < C; c++) dBias[c] += g[c];
    }
}

// Maps of few channels: `k` rows are taken as one of `k * channels` values, with the parameters repeated as often, so that
// the vector loops are long enough. At most TILE values a row then.

static inline int NAME(tiling)(int32_t C) { return C >= 64 ? 1 : TILE / 2 / C; }

static inline void NAME(repeat)(const float *in, int32_t C, int k, float *out) {
    for (int i = 0; i < k; i++) memcpy(out + i * C, in, sizeof(float) * C);
}

static void NAME(normalizeRows)(const float *y, int64_t rows, int32_t C, const float *scale, const float *shift,
                                STActivation activation, float *z) {
    FOR_EACH_ACTIVATION(activation, {
        for (int64_t r = 0; r < rows; r++) {
            const float *in = y + r * C;
            float *out = z + r * C;
            VECTOR for (int c = 0; c < C; c++) out[c] = NAME(act)(in[c] * scale[c] + shift[c], A);
        }
    })
}

static void NAME(normalize)(const float *y, int64_t rows, int32_t C, const float *scale, const float *shift,
                            STActivation activation, float *z) {
    int k = NAME(tiling)(C);
    int64_t tiled = 0;
    if (k > 1) {
        float a[TILE], b[TILE];
        NAME(repeat)(scale, C, k, a);
        NAME(repeat)(shift, C, k, b);
        tiled = rows / k * k;
        NAME(normalizeRows)(y, rows / k, C * k, a, b, activation, z);
    }
    NAME(normalizeRows)(y + tiled * C, rows - tiled, C, scale, shift, activation, z + tiled * C);
}

static void NAME(normalizeReduceRows)(const float *dz, const float *y, int64_t rows, int32_t C, int32_t period,
                                      const float *scale, const float *shift, STActivation activation, double *sums,
                                      double *products) {
    float part[2 * TILE];
    FOR_EACH_ACTIVATION(activation, {
        for (int64_t begin = 0; begin < rows; begin += CHUNK) {
            int64_t end = begin + CHUNK < rows ? begin + CHUNK : rows;
            for (int base = 0; base < C; base += TILE) {
                int width = C - base < TILE ? C - base : TILE;
                memset(part, 0, sizeof part);
                const float *a = scale + base;
                const float *b = shift + base;
                for (int64_t r = begin; r < end; r++) {
                    const float *in = y + r * C + base;
                    const float *g = dz + r * C + base;
                    VECTOR for (int c = 0; c < width; c++) {
                        float d = g[c] * NAME(slope)(in[c] * a[c] + b[c], A);
                        part[c] += d;
                        part[TILE + c] += d * in[c];
                    }
                }
                for (int c = 0; c < width; c++) {
                    sums[(base + c) % period] += part[c];
                    products[(base + c) % period] += part[TILE + c];
                }
            }
        }
    })
}

static void NAME(normalizeReduce)(const float *dz, const float *y, int64_t rows, int32_t C, const float *scale,
                                  const float *shift, STActivation activation, double *sums, double *products) {
    int k = NAME(tiling)(C);
    int64_t tiled = 0;
    if (k > 1) {
        float a[TILE], b[TILE];
        NAME(repeat)(scale, C, k, a);
        NAME(repeat)(shift, C, k, b);
        tiled = rows / k * k;
        NAME(normalizeReduceRows)(dz, y, rows / k, C * k, C, a, b, activation, sums, products);
    }
    NAME(normalizeReduceRows)(dz + tiled * C, y + tiled * C, rows - tiled, C, C, scale, shift, activation, sums, products);
}

static void NAME(normalizeBackwardRows)(const float *dz, const float *y, int64_t rows, int32_t C, const float *scale,
                                        const float *shift, STActivation activation, const float *a, const float *b,
                                        const float *c0, float *dy, int accumulate) {
    FOR_EACH_ACTIVATION(activation, {
        for (int64_t r = 0; r < rows; r++) {
            const float *in = y + r * C;
            const float *g = dz + r * C;
            float *out = dy + r * C;
            if (accumulate)
                VECTOR for (int c = 0; c < C; c++)
                    out[c] += a[c] * g[c] * NAME(slope)(in[c] * scale[c] + shift[c], A) + b[c] * in[c] + c0[c];
            else
                VECTOR for (int c = 0; c < C; c++)
                    out[c] = a[c] * g[c] * NAME(slope)(in[c] * scale[c] + shift[c], A) + b[c] * in[c] + c0[c];
        }
    })
}

static void NAME(normalizeBackward)(const float *dz, const float *y, int64_t rows, int32_t C, const float *scale,
                                    const float *shift, STActivation activation, const float *a, const float *b,
                                    const float *c0, float *dy, int accumulate) {
    int k = NAME(tiling)(C);
    int64_t tiled = 0;
    if (k > 1) {
        float t[5][TILE];
        const float *sources[5] = {scale, shift, a, b, c0};
        for (int i = 0; i < 5; i++) NAME(repeat)(sources[i], C, k, t[i]);
        tiled = rows / k * k;
        NAME(normalizeBackwardRows)(dz, y, rows / k, C * k, t[0], t[1], activation, t[2], t[3], t[4], dy, accumulate);
    }
    NAME(normalizeBackwardRows)(dz + tiled * C, y + tiled * C, rows - tiled, C, scale, shift, activation, a, b, c0,
                                dy + tiled * C, accumulate);
}

static void NAME(channelSumsRows)(const float *x, int64_t rows, int32_t C, int32_t period, double *sums,
                                  double *squares) {
    float part[2 * TILE];
    for (int64_t begin = 0; begin < rows; begin += CHUNK) {
        int64_t end = begin + CHUNK < rows ? begin + CHUNK : rows;
        for (int base = 0; base < C; base += TILE) {
            int width = C - base < TILE ? C - base : TILE;
            memset(part, 0, sizeof part);
            for (int64_t r = begin; r < end; r++) {
                const float *in = x + r * C + base;
                VECTOR for (int c = 0; c < width; c++) {
                    part[c] += in[c];
                    part[TILE + c] += in[c] * in[c];
                }
            }
            for (int c = 0; c < width; c++) {
                sums[(base + c) % period] += part[c];
                squares[(base + c) % period] += part[TILE + c];
            }
        }
    }
}

static void NAME(channelSums)(const float *x, int64_t rows, int32_t C, double *sums, double *squares) {
    int k = NAME(tiling)(C);
    NAME(channelSumsRows)(x, rows / k, C * k, C, sums, squares);
    NAME(channelSumsRows)(x + rows / k * k * C, rows % k, C, C, sums, squares);
}

static void NAME(activate)(const float *x, int64_t count, STActivation activation, float *y) {
    FOR_EACH_ACTIVATION(activation, { for (int64_t i = 0; i < count; i++) y[i] = NAME(act)(x[i], A); })
}

static void NAME(activateBackward)(const float *dy, const float *x, int64_t count, STActivation activation, float *dx,
                                   int accumulate) {
    FOR_EACH_ACTIVATION(activation, {
        if (accumulate)
            for (int64_t i = 0; i < count; i++) dx[i] += dy[i] * NAME(slope)(x[i], A);
        else
            for (int64_t i = 0; i < count; i++) dx[i] = dy[i] * NAME(slope)(x[i], A);
    })
}

static void NAME(add)(const float *a, const float *b, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i++) y[i] = a[i] + b[i];
}

static void NAME(copy)(const float *x, int64_t count, float *y, int accumulate) {
    if (!accumulate) memcpy(y, x, sizeof(float) * count);
    else
        for (int64_t i = 0; i < count; i++) y[i] += x[i];
}

// The steps of shuffles are small: known to the compiler, loads of every second channel are vectors and a permutation.
static inline __attribute__((always_inline)) void NAME(moveRun)(const float *restrict in, int fromStep,
                                                                float *restrict out, int toStep, int count,
                                                                int accumulate) {
    if (accumulate)
        VECTOR for (int c = 0; c < count; c++) out[c * toStep] += in[c * fromStep];
    else
        VECTOR for (int c = 0; c < count; c++) out[c * toStep] = in[c * fromStep];
}

static void NAME(moveChannels)(const float *x, int32_t xChannels, float *y, int32_t yChannels, const STRun *runs,
                               int32_t count, int64_t rows, int accumulate) {
    for (int64_t r = 0; r < rows; r++, x += xChannels, y += yChannels)
        for (int32_t i = 0; i < count; i++) {
            const STRun run = runs[i];
            const float *in = x + run.from;
            float *out = y + run.to;
            if (run.fromStep == 1 && run.toStep == 1)
                NAME(moveRun)(in, 1, out, 1, run.count, accumulate);
            else if (run.fromStep == 1 && run.toStep == 2)
                NAME(moveRun)(in, 1, out, 2, run.count, accumulate);
            else if (run.fromStep == 2 && run.toStep == 1)
                NAME(moveRun)(in, 2, out, 1, run.count, accumulate);
            else
                NAME(moveRun)(in, run.fromStep, out, run.toStep, run.count, accumulate);
        }
}

static void NAME(roundToBFloat16)(const float *x, int64_t stride, int64_t rows, int64_t columns, uint16_t *y) {
    for (int64_t r = 0; r < rows; r++, x += stride, y += columns)
        VECTOR for (int64_t c = 0; c < columns; c++) {
            uint32_t bits;
            memcpy(&bits, x + c, sizeof bits);
            y[c] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
        }
}

static void NAME(maxPoolForward)(const STWindow *s, const float *x, float *y, int32_t *where) {
    const int C = s->channels;
    for (int n = 0; n < s->images; n++)
        for (int oy = 0; oy < s->outHeight; oy++)
            for (int ox = 0; ox < s->outWidth; ox++) {
                size_t out = ((size_t)(n * s->outHeight + oy) * s->outWidth + ox) * C;
                for (int c = 0; c < C; c++) {
                    y[out + c] = -INFINITY;
                    where[out + c] = -1;
                }
                for (int ky = 0; ky < s->kernelHeight; ky++) {
                    int iy = oy * s->strideHeight - s->paddingTop + ky * s->dilationHeight;
                    if (iy < 0 || iy >= s->height) continue;
                    for (int kx = 0; kx < s->kernelWidth; kx++) {
                        int ix = ox * s->strideWidth - s->paddingLeft + kx * s->dilationWidth;
                        if (ix < 0 || ix >= s->width) continue;
                        int32_t pixel = (n * s->height + iy) * s->width + ix;
                        const float *in = x + (size_t)pixel * C;
                        for (int c = 0; c < C; c++)
                            if (in[c] > y[out + c]) {
                                y[out + c] = in[c];
                                where[out + c] = pixel;
                            }
                    }
                }
            }
}

static void NAME(maxPoolBackward)(const STWindow *s, const float *dy, const int32_t *where, float *dx) {
    const int C = s->channels;
    size_t rows = (size_t)s->images * s->outHeight * s->outWidth;
    for (size_t r = 0; r < rows; r++)
        for (int c = 0; c < C; c++)
            if (where[r * C + c] >= 0) dx[(size_t)where[r * C + c] * C + c] += dy[r * C + c];
}

static int NAME(tapCount)(const STWindow *s, int oy, int ox) {
    int rows = 0, columns = 0;
    for (int ky = 0; ky < s->kernelHeight; ky++) {
        int iy = oy * s->strideHeight - s->paddingTop + ky * s->dilationHeight;
        rows += iy >= 0 && iy < s->height;
    }
    for (int kx = 0; kx < s->kernelWidth; kx++) {
        int ix = ox * s->strideWidth - s->paddingLeft + kx * s->dilationWidth;
        columns += ix >= 0 && ix < s->width;
    }
    return rows * columns;
}

static void NAME(averagePoolForward)(const STWindow *s, const float *x, float *y) {
    const int C = s->channels;
    for (int n = 0; n < s->images; n++)
        for (int oy = 0; oy < s->outHeight; oy++)
            for (int ox = 0; ox < s->outWidth; ox++) {
                float *restrict out = y + ((size_t)(n * s->outHeight + oy) * s->outWidth + ox) * C;
                memset(out, 0, sizeof(float) * C);
                int taps = NAME(tapCount)(s, oy, ox);
                float share = taps ? 1.0f / taps : 0;
                for (int ky = 0; ky < s->kernelHeight; ky++) {
                    int iy = oy * s->strideHeight - s->paddingTop + ky * s->dilationHeight;
                    if (iy < 0 || iy >= s->height) continue;
                    for (int kx = 0; kx < s->kernelWidth; kx++) {
                        int ix = ox * s->strideWidth - s->paddingLeft + kx * s->dilationWidth;
                        if (ix < 0 || ix >= s->width) continue;
                        const float *restrict in = x + ((size_t)(n * s->height + iy) * s->width + ix) * C;
                        for (int c = 0; c < C; c++) out[c] += in[c] * share;
                    }
                }
            }
}

static void NAME(averagePoolBackward)(const STWindow *s, const float *dy, float *dx) {
    const int C = s->channels;
    for (int n = 0; n < s->images; n++)
        for (int oy = 0; oy < s->outHeight; oy++)
            for (int ox = 0; ox < s->outWidth; ox++) {
                const float *restrict g = dy + ((size_t)(n * s->outHeight + oy) * s->outWidth + ox) * C;
                int taps = NAME(tapCount)(s, oy, ox);
                float share = taps ? 1.0f / taps : 0;
                for (int ky = 0; ky < s->kernelHeight; ky++) {
                    int iy = oy * s->strideHeight - s->paddingTop + ky * s->dilationHeight;
                    if (iy < 0 || iy >= s->height) continue;
                    for (int kx = 0; kx < s->kernelWidth; kx++) {
                        int ix = ox * s->strideWidth - s->paddingLeft + kx * s->dilationWidth;
                        if (ix < 0 || ix >= s->width) continue;
                        float *restrict out = dx + ((size_t)(n * s->height + iy) * s->width + ix) * C;
                        for (int c = 0; c < C; c++) out[c] += g[c] * share;
                    }
                }
            }
}

static void NAME(sgd)(float *w, const float *g, float *v, int64_t count, float rate, float momentum, float decay) {
    for (int64_t i = 0; i < count; i++) {
        float d = g[i] + decay * w[i];
        v[i] = momentum * v[i] + d;
        w[i] -= rate * (d + momentum * v[i]);
    }
}

static void NAME(adamW)(float *w, const float *g, float *m, float *v, int64_t count, float rate, float beta1,
                        float beta2, float epsilon, float decay, float correction1, float correction2) {
    for (int64_t i = 0; i < count; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        w[i] -= rate * decay * w[i];
        w[i] -= rate * (m[i] / correction1) / (sqrtf(v[i] / correction2) + epsilon);
    }
}

// Clamps in steps, so that infinity stays at an end; NaN stays NaN.
static inline __attribute__((always_inline)) float NAME(steps)(float t, STSteps s) {
    float q = __builtin_rintf(t);
    q = q < s.low ? s.low : q;
    return q > s.high ? s.high : q;
}

static void NAME(fakeQuantizeRows)(const float *x, int64_t rows, int64_t stride, int64_t count, STSteps s, float *y) {
    const float inverse = 1 / s.step;
    for (int64_t r = 0; r < rows; r++) {
        const float *in = x + r * stride;
        float *out = y + r * stride;
        VECTOR for (int64_t c = 0; c < count; c++) out[c] = NAME(steps)(in[c] * inverse, s) * s.step;
    }
}

static void NAME(fakeQuantize)(const float *x, int64_t rows, int32_t stride, int32_t count, STSteps s, float *y) {
    if (stride == count) NAME(fakeQuantizeRows)(x, 1, 0, rows * count, s, y);
    else NAME(fakeQuantizeRows)(x, rows, stride, count, s, y);
}

static void NAME(fakeQuantizeBackwardRows)(const float *dy, const float *x, int64_t rows, int64_t stride, int32_t count,
                                           STSteps s, float *dx, int accumulate, double *sums) {
    const float inverse = 1 / s.step;
    for (int32_t base = 0; base < count; base += TILE) {
        const int n = count - base < TILE ? count - base : TILE;
        for (int64_t first = 0; first < rows; first += CHUNK) {
            const int64_t end = rows - first < CHUNK ? rows : first + CHUNK;
            float below[TILE] = {0}, above[TILE] = {0}, inside[TILE] = {0};
            for (int64_t r = first; r < end; r++) {
                const float *g = dy + r * stride + base, *in = x + r * stride + base;
                float *out = dx + r * stride + base;
                VECTOR for (int c = 0; c < n; c++) {
                    float t = in[c] * inverse, q = __builtin_rintf(t), d = g[c];
                    float isBelow = q < s.low ? d : 0, isAbove = q > s.high ? d : 0;
                    float rest = d - isBelow - isAbove;
                    below[c] += isBelow;
                    above[c] += isAbove;
                    inside[c] += rest == 0 ? 0 : rest * (q - t);
                    out[c] = accumulate ? out[c] + rest : rest;
                }
            }
            for (int c = 0; c < n; c++) {
                sums[0] += below[c];
                sums[1] += above[c];
                sums[2] += inside[c];
            }
        }
    }
}

static void NAME(fakeQuantizeBackward)(const float *dy, const float *x, int64_t rows, int32_t stride, int32_t count,
                                       STSteps s, float *dx, int accumulate, double *sums) {
    if (stride != count) return NAME(fakeQuantizeBackwardRows)(dy, x, rows, stride, count, s, dx, accumulate, sums);
    const int64_t total = rows * count, whole = total / TILE * TILE;
    NAME(fakeQuantizeBackwardRows)(dy, x, total / TILE, TILE, TILE, s, dx, accumulate, sums);
    NAME(fakeQuantizeBackwardRows)(dy + whole, x + whole, 1, TILE, (int32_t)(total - whole), s, dx + whole, accumulate, sums);
}

const STKernels NAME(table) = {
    ISA, NAME(depthwiseForward), NAME(depthwiseBackwardInput), NAME(depthwiseBackwardWeight), NAME(imageToColumns),
    NAME(columnsToImage), NAME(channelSums), NAME(addBias), NAME(biasGradient), NAME(normalize), NAME(normalizeReduce),
    NAME(normalizeBackward), NAME(activate), NAME(activateBackward), NAME(add), NAME(copy), NAME(moveChannels),
    NAME(roundToBFloat16), NAME(maxPoolForward), NAME(maxPoolBackward), NAME(averagePoolForward),
    NAME(averagePoolBackward), NAME(sgd), NAME(adamW),
    NAME(fakeQuantize), NAME(fakeQuantizeBackward),
};
