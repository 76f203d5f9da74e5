// Chooses the kernels at run time.
#include "CSwiftletKernels.h"
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
extern const SKKernels sk_avx512_table;
#endif

// The best first.
static const SKKernels *usable(int index) {
#if defined(__x86_64__)
    const int hasAVX512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi") &&
                          __builtin_cpu_supports("avx512vbmi2");
    const SKKernels *all[] = {hasAVX512 ? &sk_avx512_table : 0};
    int count = 0;
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] && count++ == index) return all[i];
#else
    (void)index;
#endif
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
