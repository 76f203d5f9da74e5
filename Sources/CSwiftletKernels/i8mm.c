// The kernels for 64-bit Arm with a dot product of unsigned by signed bytes (optional from Armv8.2, in every core from Armv8.6
// on): the arena's bytes as they are.
#if defined(__aarch64__)
#pragma clang attribute push(__attribute__((target("dotprod,i8mm"))), apply_to = function)
#define NAME(x) sk_i8mm_##x
#define DOT_QUADS(acc, w, a) vusdotq_s32(acc, a, w)
#define DOT_QUAD(acc, w, a, quad) vsudotq_laneq_s32(acc, w, a, quad)

#include "neondot.h"

const SKKernels sk_i8mm_table = TABLE("i8mm");
#pragma clang attribute pop
#endif
