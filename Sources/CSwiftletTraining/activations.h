// Activations, forward and backward; part of kernels.h's text.

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
    case 9: { float s = a.slope * t + a.offset; return s > 0 ? (s < 1 ? s : 1) : 0; }
    case 10: return powf(a.slope * t + a.offset, a.exponent);
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
    case 9: { float s = a.slope * t + a.offset; return s > 0 && s < 1 ? a.slope : 0; }
    case 10: return a.exponent * a.slope * powf(a.slope * t + a.offset, a.exponent - 1);
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
    case 8: { const STActivation A = {8, 0}; BODY } break;                            \
    default: { const STActivation A = (activation); BODY } break;                     \
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
