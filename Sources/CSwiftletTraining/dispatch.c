// Chooses the kernels at run time; the barrier.
#include "CSwiftletTraining.h"
#include <sched.h>

extern const STKernels st_baseline_table;
#if defined(__x86_64__)
extern const STKernels st_avx2_table, st_avx512_table;
#endif

const STKernels *st_kernels_at(int32_t rank) {
    const STKernels *usable[3];
    int32_t count = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq"))
        usable[count++] = &st_avx512_table;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) usable[count++] = &st_avx2_table;
#endif
    usable[count++] = &st_baseline_table;
    return rank >= 0 && rank < count ? usable[rank] : 0;
}

const STKernels *st_kernels(void) { return st_kernels_at(0); }

void st_barrier_init(STBarrier *barrier, int32_t count) {
    *barrier = (STBarrier){0, 0, count};
}

void st_barrier_wait(STBarrier *barrier) {
    int32_t generation = __atomic_load_n(&barrier->generation, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == barrier->count) {
        __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
        __atomic_add_fetch(&barrier->generation, 1, __ATOMIC_ACQ_REL);
        return;
    }
    // About 20 us of spinning, longer than threads of one step drift apart; then somebody else needs this core.
    for (int spins = 0; __atomic_load_n(&barrier->generation, __ATOMIC_ACQUIRE) == generation; spins++)
        if (spins > 20000) sched_yield();
}
