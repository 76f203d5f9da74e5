// Values rounded as the int8 network will round them, and the gradients of that; part of kernels.h's text.

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
