// The kernels for any processor.
#define NAME(x) st_baseline_##x
#define ISA "baseline"
#define LANES 4
#include "kernels.h"
