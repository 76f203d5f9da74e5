// The kernels for any processor.
#define NAME(x) st_baseline_##x
#define ISA "baseline"
#include "kernels.h"
