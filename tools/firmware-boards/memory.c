/// The memory functions that the compiler calls, by the C library's names and by those of Arm's run-time ABI (RTABI 4.3.4).
///
/// A board with a C library leaves this file out. What it does not do: allocate. `malloc`, `posix_memalign` and `free` stay
/// undefined, so code that could reach one does not link.
#include <stddef.h>
#include <stdint.h>

void *memset(void *target, int value, size_t count) {
    uint8_t *bytes = target;
    while (count-- > 0) *bytes++ = (uint8_t)value;
    return target;
}

void *memcpy(void *restrict target, const void *restrict source, size_t count) {
    uint8_t *to = target;
    const uint8_t *from = source;
    if ((((uintptr_t)to | (uintptr_t)from) & 3) == 0) {
        for (; count >= 4; count -= 4, to += 4, from += 4) *(uint32_t *)to = *(const uint32_t *)from;
    }
    while (count-- > 0) *to++ = *from++;
    return target;
}

void *memmove(void *target, const void *source, size_t count) {
    if ((uintptr_t)target - (uintptr_t)source >= count) return memcpy(target, source, count);
    uint8_t *to = (uint8_t *)target + count;
    const uint8_t *from = (const uint8_t *)source + count;
    while (count-- > 0) *--to = *--from;
    return target;
}

int memcmp(const void *first, const void *second, size_t count) {
    const uint8_t *a = first, *b = second;
    for (; count > 0; count--, a++, b++) {
        if (*a != *b) return *a - *b;
    }
    return 0;
}

#if defined(__arm__)
#define SAME_AS(name) __attribute__((alias(#name)))
void __aeabi_memcpy(void *restrict, const void *restrict, size_t) SAME_AS(memcpy);
void __aeabi_memcpy4(void *restrict, const void *restrict, size_t) SAME_AS(memcpy);
void __aeabi_memcpy8(void *restrict, const void *restrict, size_t) SAME_AS(memcpy);
void __aeabi_memmove(void *, const void *, size_t) SAME_AS(memmove);
void __aeabi_memmove4(void *, const void *, size_t) SAME_AS(memmove);
void __aeabi_memmove8(void *, const void *, size_t) SAME_AS(memmove);

void __aeabi_memset(void *target, size_t count, int value) { memset(target, value, count); }
void __aeabi_memclr(void *target, size_t count) { memset(target, 0, count); }
void __aeabi_memset4(void *, size_t, int) SAME_AS(__aeabi_memset);
void __aeabi_memset8(void *, size_t, int) SAME_AS(__aeabi_memset);
void __aeabi_memclr4(void *, size_t) SAME_AS(__aeabi_memclr);
void __aeabi_memclr8(void *, size_t) SAME_AS(__aeabi_memclr);
#endif
