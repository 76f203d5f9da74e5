/// Shifts of 64-bit numbers by an amount that is known only at run time, which a 32-bit RISC-V core calls functions for.
///
/// The names are those of GCC's low-level runtime library, which a board with a compiler's run-time library has already.
#include <stdint.h>

typedef struct {
    uint32_t low, high;
} Halves;

static inline uint64_t joined(uint32_t low, uint32_t high) { return (uint64_t)high << 32 | low; }
static inline Halves halves(uint64_t value) { return (Halves){(uint32_t)value, (uint32_t)(value >> 32)}; }

uint64_t __ashldi3(uint64_t value, int count) {
    Halves of = halves(value);
    if (count == 0) return value;
    if (count >= 32) return joined(0, of.low << (count - 32));
    return joined(of.low << count, of.high << count | of.low >> (32 - count));
}

uint64_t __lshrdi3(uint64_t value, int count) {
    Halves of = halves(value);
    if (count == 0) return value;
    if (count >= 32) return joined(of.high >> (count - 32), 0);
    return joined(of.low >> count | of.high << (32 - count), of.high >> count);
}
