// The table of a core's kernels, for the core that the firmware is built for. Rows that they leave alone are made by the reference,
// as are all additions, pools and means.
static int leaveAddition(const SKInput *a, const SKInput *b, const SKOutput *out, const SKAddition *addition) { return 0; }
static int leavePool(const SKInput *in, const SKOutput *out, const SKWindow *window, uint8_t low, uint8_t high) { return 0; }
static int leaveMean(const SKInput *row, int32_t *sums) { return 0; }

static const SKKernels table = {NAME, convolve, convolveDepthwise, leaveAddition, leavePool, leavePool, leaveMean};

const SKKernels *sk_chosen_kernels(void) { return &table; }
