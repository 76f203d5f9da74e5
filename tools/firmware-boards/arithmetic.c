/// Shifts and divisions of 64-bit numbers, which a 32-bit core calls functions for; softmax needs them.
///
/// The names are those of GCC's low-level runtime library and, on Arm, of the run-time ABI (RTABI 4.2, 4.3.1): a board that
/// links a compiler's run-time library leaves this file out. Divisions go bit by bit, for they are rare.
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

int64_t __ashrdi3(int64_t value, int count) {
    Halves of = halves((uint64_t)value);
    int32_t high = (int32_t)of.high;
    if (count == 0) return value;
    if (count >= 32) return (int64_t)joined((uint32_t)(high >> (count - 32)), (uint32_t)(high >> 31));
    return (int64_t)joined(of.low >> count | of.high << (32 - count), (uint32_t)(high >> count));
}

uint64_t __udivmoddi4(uint64_t dividend, uint64_t divisor, uint64_t *remainder) {
    uint64_t quotient = 0, rest = 0;
    for (int bit = 0; bit < 64; bit++) {
        rest = rest << 1 | dividend >> 63;
        dividend <<= 1;
        quotient <<= 1;
        if (rest >= divisor) {
            rest -= divisor;
            quotient |= 1;
        }
    }
    *remainder = rest;
    return quotient;
}

int64_t __divmoddi4(int64_t dividend, int64_t divisor, int64_t *remainder) {
    uint64_t rest;
    uint64_t quotient = __udivmoddi4(
        dividend < 0 ? -(uint64_t)dividend : (uint64_t)dividend, divisor < 0 ? -(uint64_t)divisor : (uint64_t)divisor, &rest);
    *remainder = (int64_t)(dividend < 0 ? -rest : rest);
    return (int64_t)((dividend < 0) != (divisor < 0) ? -quotient : quotient);
}

#if defined(__arm__)
uint64_t __aeabi_llsl(uint64_t, int) __attribute__((alias("__ashldi3")));
uint64_t __aeabi_llsr(uint64_t, int) __attribute__((alias("__lshrdi3")));
int64_t __aeabi_lasr(int64_t, int) __attribute__((alias("__ashrdi3")));

// The quotient comes back in r0 and r1, the remainder in r2 and r3.
#define DIVIDE_BOTH(name, function)                                   \
    __attribute__((naked)) void name(void) {                          \
        __asm__("push {r6, lr}\nsub sp, #16\nadd r6, sp, #8\nstr r6, [sp]\nbl " #function \
                "\nldrd r2, r3, [sp, #8]\nadd sp, #16\npop {r6, pc}"); \
    }
DIVIDE_BOTH(__aeabi_uldivmod, __udivmoddi4)
DIVIDE_BOTH(__aeabi_ldivmod, __divmoddi4)
#else
uint64_t __udivdi3(uint64_t dividend, uint64_t divisor) {
    uint64_t rest;
    return __udivmoddi4(dividend, divisor, &rest);
}

int64_t __divdi3(int64_t dividend, int64_t divisor) {
    int64_t rest;
    return __divmoddi4(dividend, divisor, &rest);
}
#endif
