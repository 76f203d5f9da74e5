// Sums, copies, channels that change places, and rounding to bfloat16; part of kernels.h's text.

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
