// Float kernels of training that a matrix product does not cover: depthwise convolution, batch norm, pooling, channel
// movement, optimizer steps. All maps are NHWC. What this does not do: matrix products (oneDNN) or threads of its own; each
// call works on the rows or images it is given.
#ifndef CSWIFTLET_TRAINING_H
#define CSWIFTLET_TRAINING_H

#include <stdint.h>

// A window over `images` maps: input height x width x channels, output outHeight x outWidth x channels.
typedef struct {
    int32_t images, height, width, channels, outHeight, outWidth;
    int32_t kernelHeight, kernelWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, paddingTop, paddingLeft;
} STWindow;

#define ST_MOST_TAPS 49

// 0 none, 1 ReLU, 2 ReLU6, 3 leaky ReLU, 4 sigmoid, 5 tanh, 6 swish, 7 ELU, 8 hard swish,
// 9 slope * x + offset between 0 and 1, 10 (slope * x + offset) ^ exponent
typedef struct {
    int32_t kind;
    float slope, offset, exponent;
} STActivation;

// Channels at even distances: every `fromStep`th from `from` on in one map, every `toStep`th from `to` on in another.
typedef struct {
    int32_t from, fromStep, to, toStep, count;
} STRun;

// A grid of `step`, from `low` to `high` steps: whole numbers, low <= 0 <= high.
typedef struct {
    float step, low, high;
} STSteps;

// One instruction set's kernels. `accumulate` adds to the result instead of overwriting it.
typedef struct {
    const char *name;
    // weight [taps][channels]
    void (*depthwiseForward)(const STWindow *, const float *x, const float *weight, float *y);
    void (*depthwiseBackwardInput)(const STWindow *, const float *dy, const float *weight, float *dx, int accumulate);
    void (*depthwiseBackwardWeight)(const STWindow *, const float *x, const float *dy, float *dWeight);
    // col [outHeight * outWidth][taps][count]: channels first ..< first + count of one image; `pad` is what padding holds,
    // a value a channel of the image, NULL for zeros
    void (*imageToColumns)(const STWindow *, const float *x, const float *pad, int32_t first, int32_t count, float *col);
    void (*columnsToImage)(const STWindow *, const float *col, int32_t first, int32_t count, float *dx);
    // Stride 1, at most ST_MOST_TAPS taps, padding no wider than the window's reach; weight [outputs][taps][channels / groups],
    // `scratch` of st_groupedScratch floats
    void (*groupedForward)(const STWindow *, int32_t groups, int32_t outputs, const float *x, const float *weight, float *y,
                           float *scratch);
    void (*groupedBackwardInput)(const STWindow *, int32_t groups, int32_t outputs, const float *dy, const float *weight,
                                 float *dx, int accumulate, float *scratch);
    void (*groupedBackwardWeight)(const STWindow *, int32_t groups, int32_t outputs, const float *x, const float *dy,
                                  float *dWeight, float *scratch);
    // sums and squares [channels] are added to
    void (*channelSums)(const float *x, int64_t rows, int32_t channels, double *sums, double *squares);
    void (*addBias)(float *x, int64_t rows, int32_t channels, const float *bias);
    void (*biasGradient)(const float *dy, int64_t rows, int32_t channels, float *dBias);
    // z = act(y * scale + shift)
    void (*normalize)(const float *y, int64_t rows, int32_t channels, const float *scale, const float *shift,
                      STActivation activation, float *z);
    // g = dz * act'(y * scale + shift); adds sum(g) and sum(g * y) to the sums
    void (*normalizeReduce)(const float *dz, const float *y, int64_t rows, int32_t channels, const float *scale,
                            const float *shift, STActivation activation, double *sums, double *products);
    // dy = a * g + b * y + c, per channel
    void (*normalizeBackward)(const float *dz, const float *y, int64_t rows, int32_t channels, const float *scale,
                              const float *shift, STActivation activation, const float *a, const float *b,
                              const float *c, float *dy, int accumulate);
    void (*activate)(const float *x, int64_t count, STActivation activation, float *y);
    void (*activateBackward)(const float *dy, const float *x, int64_t count, STActivation activation, float *dx,
                             int accumulate);
    void (*add)(const float *a, const float *b, int64_t count, float *y);
    // y (+)= x
    void (*copy)(const float *x, int64_t count, float *y, int accumulate);
    // y[r][run.to + c * run.toStep] (+)= x[r][run.from + c * run.fromStep], of every run
    void (*moveChannels)(const float *x, int32_t xChannels, float *y, int32_t yChannels, const STRun *runs, int32_t count,
                         int64_t rows, int accumulate);
    // rows x columns floats, `stride` apart from row to row, to bfloat16 without gaps; to nearest, ties to even
    void (*roundToBFloat16)(const float *x, int64_t stride, int64_t rows, int64_t columns, uint16_t *y);
    void (*maxPoolForward)(const STWindow *, const float *x, float *y, int32_t *where);
    void (*maxPoolBackward)(const STWindow *, const float *dy, const int32_t *where, float *dx);
    void (*averagePoolForward)(const STWindow *, const float *x, float *y);
    void (*averagePoolBackward)(const STWindow *, const float *dy, float *dx);
    // SGD with Nesterov momentum: g += decay * w; v = momentum * v + g; w -= rate * (g + momentum * v)
    void (*sgd)(float *w, const float *g, float *v, int64_t count, float rate, float momentum, float decay);
    // AdamW; correction1 = 1 - beta1^t, correction2 = 1 - beta2^t
    void (*adamW)(float *w, const float *g, float *m, float *v, int64_t count, float rate, float beta1, float beta2,
                  float epsilon, float decay, float correction1, float correction2);
    // y = the nearest place on the grid, of the first `count` of every `stride` values of `rows` rows
    void (*fakeQuantize)(const float *x, int64_t rows, int32_t stride, int32_t count, STSteps steps, float *y);
    // dx (+)= dy inside of the grid, 0 outside; sums[0] += dy below, sums[1] += dy above, sums[2] += dy * (steps of y - x
    // in steps) inside
    void (*fakeQuantizeBackward)(const float *dy, const float *x, int64_t rows, int32_t stride, int32_t count,
                                 STSteps steps, float *dx, int accumulate, double *sums);
} STKernels;

// The kernels of the best instruction set that this machine has.
const STKernels *st_kernels(void);

// The kernels of every instruction set that this machine has, best first; NULL after the last.
const STKernels *st_kernels_at(int32_t rank);

// Floats that grouped convolutions under this window work in.
int64_t st_groupedScratch(const STWindow *, int32_t outputs);

// `count` zeros that begin on a 64-byte line, so that no full vector straddles two; large ones on huge pages where the
// system has them. NULL when there is no memory.
float *st_allocate(int64_t count);
void st_free(float *);

// A barrier for threads that come often: spins for a while, then gives way to others.
typedef struct {
    int32_t arrived, generation, count;
} STBarrier;
void st_barrier_init(STBarrier *, int32_t count);
void st_barrier_wait(STBarrier *);

#endif
