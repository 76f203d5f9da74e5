// The table of the kernels of the core that the firmware is built for. Rows that they leave alone are made by the reference, as
// are all pools and means.
#include "linked.h"

static int leavePool(const SKInput *in, const SKOutput *out, const SKWindow *window, uint8_t low, uint8_t high) { return 0; }
static int leaveMean(const SKInput *row, int32_t *sums) { return 0; }

static const SKKernels table = {
    NAME, LINKED(convolution, convolve), LINKED(depthwiseConvolution, convolveDepthwise), LINKED(add, add), leavePool, leavePool,
    leaveMean};

const SKKernels *sk_chosen_kernels(void) { return &table; }
