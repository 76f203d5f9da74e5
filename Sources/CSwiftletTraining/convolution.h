// Depthwise convolutions of any window, and what dense ones need around the matrix product: columns and biases; part of
// kernels.h's text. What it does not do: the matrix product.
#include "depthwise3x3.h"

static void NAME(depthwiseForward)(const STWindow *s, const float *x, const float *weight, float *y) {
    if (NAME(isPlain3x3)(s)) return NAME(depthwise3x3)(s, x, weight, y, 0);
    const int C = s->channels;
    for (int n = 0; n < s->images; n++)
        for (int oy = 0; oy < s->outHeight; oy++)
            for (int ox = 0; ox < s->outWidth; ox++) {
                float *restrict out = y + ((size_t)(n * s->outHeight + oy) * s->outWidth + ox) * C;
                memset(out, 0, sizeof(float) * C);
                FOR_EACH_TAP(s, oy, ox, {
                    const float *restrict in = x + ((size_t)(n * s->height + iy) * s->width + ix) * C;
                    const float *restrict w = weight + (size_t)(ky * s->kernelWidth + kx) * C;
                    VECTOR for (int c = 0; c < C; c++) out[c] += in[c] * w[c];
                })
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
                FOR_EACH_TAP(s, oy, ox, {
                    float *restrict out = dx + ((size_t)(n * s->height + iy) * s->width + ix) * C;
                    const float *restrict w = weight + (size_t)(ky * s->kernelWidth + kx) * C;
                    VECTOR for (int c = 0; c < C; c++) out[c] += g[c] * w[c];
                })
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
