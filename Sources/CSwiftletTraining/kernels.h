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

// BODY for each tap (ky, kx) of output (oy, ox) under which the map has a pixel, (iy, ix).
#define FOR_EACH_TAP(s, oy, ox, BODY)                                                         \
    for (int ky = 0; ky < (s)->kernelHeight; ky++) {                                          \
        int iy = (oy) * (s)->strideHeight - (s)->paddingTop + ky * (s)->dilationHeight;       \
        if (iy < 0 || iy >= (s)->height) continue;                                            \
        for (int kx = 0; kx < (s)->kernelWidth; kx++) {                                       \
            int ix = (ox) * (s)->strideWidth - (s)->paddingLeft + kx * (s)->dilationWidth;    \
            if (ix < 0 || ix >= (s)->width) continue;                                         \
            BODY                                                                              \
        }                                                                                     \
    }

typedef float NAME(vector) __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t NAME(lanes) __attribute__((vector_size(4 * LANES), aligned(4)));
#define V NAME(vector)

static inline __attribute__((always_inline)) V NAME(load)(const float *p) { return *(const V *)p; }

#include "activations.h"
#include "convolution.h"
#include "grouped.h"
#include "normalization.h"
#include "elements.h"
#include "pooling.h"
#include "optimizers.h"
#include "fakequantization.h"

const STKernels NAME(table) = {
    ISA, NAME(depthwiseForward), NAME(depthwiseBackwardInput), NAME(depthwiseBackwardWeight), NAME(imageToColumns),
    NAME(columnsToImage), NAME(groupedForward), NAME(groupedBackwardInput), NAME(groupedBackwardWeight),
    NAME(channelSums), NAME(addBias), NAME(biasGradient), NAME(normalize), NAME(normalizeReduce),
    NAME(normalizeBackward), NAME(activate), NAME(activateBackward), NAME(add), NAME(copy), NAME(moveChannels),
    NAME(roundToBFloat16), NAME(maxPoolForward), NAME(maxPoolBackward), NAME(averagePoolForward),
    NAME(averagePoolBackward), NAME(sgd), NAME(adamW),
    NAME(fakeQuantize), NAME(fakeQuantizeBackward),
};
