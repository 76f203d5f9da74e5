// A step of each optimizer; part of kernels.h's text.

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
