// The kernels for 64-bit Arm with a dot product of signed bytes (optional from Armv8.1, in every core from Armv8.4 on): bytes of
// the arena, less 128, by weights, and 128 times the sum of an output's weights in its bias.
#if defined(__aarch64__)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#define NAME(x) sk_dotprod_##x
#define AS_SIGNED
#define ADD_FOURS(sum, w) vdotq_s32(sum, w, vdupq_n_s8(1))
#define DOT_QUADS(acc, w, a) vdotq_s32(acc, w, vreinterpretq_s8_u8(a))
#define DOT_QUAD(acc, w, a, quad) vdotq_laneq_s32(acc, w, vreinterpretq_s8_u8(a), quad)

#include "neondot.h"

const SKKernels sk_dotprod_table = TABLE("dotprod");
#pragma clang attribute pop
#endif
