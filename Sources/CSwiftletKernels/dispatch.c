// Chooses the kernels: at run time by what the processor has; on bare metal by what the compiler may use.
#include "CSwiftletKernels.h"

#if defined(__x86_64__)
extern const SKKernels sk_amx_table, sk_avx512_table, sk_avxvnni_table, sk_avx2_table;
#elif defined(__aarch64__)
extern const SKKernels sk_i8mm_table, sk_dotprod_table, sk_neon_table;
#endif

#if __STDC_HOSTED__
#include <stdlib.h>
#include <string.h>
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#if defined(__x86_64__)
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

// Whether this process may use AMX's tiles. The kernel wants to be asked, for they make a thread's state 8 KiB larger; every
// thread of the process may then. To ask again changes nothing.
static int mayUseTiles(void) {
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-int8") &&
           syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}
#else
// How other systems grant tiles is not known here.
static int mayUseTiles(void) { return 0; }
#endif
#endif

// The best first.
static const SKKernels *usable(int index) {
#if defined(__x86_64__)
    const int hasAVX512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi") &&
                          __builtin_cpu_supports("avx512vbmi2");
    const int hasAVX2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const int hasVNNI = hasAVX2 && __builtin_cpu_supports("avxvnni");
    const SKKernels *all[] = {hasAVX512 && mayUseTiles() ? &sk_amx_table : 0, hasAVX512 ? &sk_avx512_table : 0,
                              hasVNNI ? &sk_avxvnni_table : 0, hasAVX2 ? &sk_avx2_table : 0};
#elif defined(__aarch64__)
#if defined(__linux__)
    // Bits of the kernel's ELF hwcaps: ASIMDDP, I8MM.
    const int hasDotProduct = (getauxval(AT_HWCAP) >> 20 & 1) != 0;
    const int hasMatrices = hasDotProduct && (getauxval(AT_HWCAP2) >> 13 & 1) != 0;
#else
    // What the oldest machine has that the compiler builds for; Apple's first Arm Macs had dot products.
#if defined(__ARM_FEATURE_DOTPROD)
    const int hasDotProduct = 1;
#else
    const int hasDotProduct = 0;
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8)
    const int hasMatrices = 1;
#else
    const int hasMatrices = 0;
#endif
#endif
    const SKKernels *all[] = {hasMatrices ? &sk_i8mm_table : 0, hasDotProduct ? &sk_dotprod_table : 0, &sk_neon_table};
#else
    const SKKernels *all[] = {0};
#endif
    int count = 0;
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] && count++ == index) return all[i];
    return 0;
}

const SKKernels *sk_kernels(const char *name) {
    for (int i = 0; usable(i); i++)
        if (!name || !strcmp(name, usable(i)->name)) return usable(i);
    return 0;
}

const SKKernels *sk_chosen_kernels(void) {
    const char *name = getenv("SWIFTLET_ISA");
    return sk_kernels(name && *name ? name : 0);
}
#elif defined(__aarch64__)
const SKKernels *sk_chosen_kernels(void) {
#if defined(__ARM_FEATURE_MATMUL_INT8)
    return &sk_i8mm_table;
#elif defined(__ARM_FEATURE_DOTPROD)
    return &sk_dotprod_table;
#else
    return &sk_neon_table;
#endif
}
#endif
