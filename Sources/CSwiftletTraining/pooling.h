// Max and average pooling; part of kernels.h's text.

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
                FOR_EACH_TAP(s, oy, ox, {
                    int32_t pixel = (n * s->height + iy) * s->width + ix;
                    const float *in = x + (size_t)pixel * C;
                    for (int c = 0; c < C; c++)
                        if (in[c] > y[out + c]) {
                            y[out + c] = in[c];
                            where[out + c] = pixel;
                        }
                })
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
                FOR_EACH_TAP(s, oy, ox, {
                    const float *restrict in = x + ((size_t)(n * s->height + iy) * s->width + ix) * C;
                    for (int c = 0; c < C; c++) out[c] += in[c] * share;
                })
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
                FOR_EACH_TAP(s, oy, ox, {
                    float *restrict out = dx + ((size_t)(n * s->height + iy) * s->width + ix) * C;
                    for (int c = 0; c < C; c++) out[c] += g[c] * share;
                })
            }
}
