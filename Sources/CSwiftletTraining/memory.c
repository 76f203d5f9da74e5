// Memory for maps and parameters.
#include "planes.h"
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

int64_t st_groupedScratch(const STWindow *s, int32_t outputs) {
    const STWindow part = st_stacked(s);
    const STPlanes input = st_inputPlanes(&part), output = st_outputPlanes(&part, outputs);
    const STPlanes mirrored = st_mirroredPlanes(&part, outputs), gradient = st_inputGradientPlanes(&part);
    const size_t forward = st_planesSize(&input, s) + st_planesSize(&output, s);
    const size_t backward = st_planesSize(&mirrored, s) + st_planesSize(&gradient, s);
    return (int64_t)(forward > backward ? forward : backward);
}
