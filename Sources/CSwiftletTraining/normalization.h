// Batch norm with the activation behind it, and the sums that it needs; part of kernels.h's text.

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
