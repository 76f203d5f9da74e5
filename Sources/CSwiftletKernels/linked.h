// The operators that a table of kernels is for, by their names in `OperatorKind`: all of them, unless the build of a firmware for
// one model (tools/firmware-boards/build) sets to 0 what the model lacks. The table has no function there then, and nothing calls
// it, for the Swift modules are built without that operator, too.
#ifndef SK_LINKS_convolution
#define SK_LINKS_convolution 1
#endif
#ifndef SK_LINKS_depthwiseConvolution
#define SK_LINKS_depthwiseConvolution 1
#endif
#ifndef SK_LINKS_add
#define SK_LINKS_add 1
#endif
#ifndef SK_LINKS_maxPool
#define SK_LINKS_maxPool 1
#endif
#ifndef SK_LINKS_averagePool
#define SK_LINKS_averagePool 1
#endif
#ifndef SK_LINKS_globalAveragePool
#define SK_LINKS_globalAveragePool 1
#endif

#define LINKED(kind, kernel) (SK_LINKS_##kind ? kernel : 0)
