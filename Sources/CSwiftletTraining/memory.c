// Memory for maps and parameters.
#include "CSwiftletTraining.h"
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

float *st_allocate(int64_t count) {
    const size_t page = 2 << 20;
    size_t bytes = sizeof(float) * (size_t)(count > 0 ? count : 1);
    void *memory = 0;
    if (posix_memalign(&memory, bytes >= page ? page : 64, bytes) != 0) return 0;
#if defined(__linux__)
    // Advice: where the kernel does not follow it, the memory works all the same.
    if (bytes >= page) (void)madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    memset(memory, 0, bytes);
    return memory;
}

void st_free(float *memory) { free(memory); }
