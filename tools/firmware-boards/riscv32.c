/// Start-up of a 32-bit RISC-V hart in machine mode.
///
/// Under `-icount shift=0` QEMU's `minstret` counts instructions.
#include "board.h"

extern uint32_t bss_start[], bss_end[], data_start[], data_end[];
extern const uint32_t data_load[];
int main(void);

uint64_t instructions(void) {
    uint32_t high, low, again;
    do {
        __asm__ volatile("csrr %0, minstreth\ncsrr %1, minstret\ncsrr %2, minstreth"
                         : "=r"(high), "=r"(low), "=r"(again));
    } while (high != again);
    return (uint64_t)high << 32 | low;
}

/// An NS16550: the received byte, and a status whose lowest bit says that there is one.
uint8_t read_byte(void) {
    static volatile uint8_t *const uart = (volatile uint8_t *)0x10000000;
    while (!(uart[5] & 1)) {}
    return uart[0];
}

__attribute__((used)) static void tellFault(void) {
    finish("fault: a failed precondition, a wild pointer or a stack that is too small", 3);
}

/// A failed precondition or a wild pointer ends here, with a stack to tell it on.
__attribute__((aligned(4), naked, used)) static void fault(void) {
    __asm__ volatile("la sp, stack_top\nj %0" : : "i"(tellFault));
}

__attribute__((used)) static void start(void) {
    const uint32_t *from = data_load;
    for (uint32_t *to = data_start; to < data_end; to++) *to = *from++;
    for (uint32_t *to = bss_start; to < bss_end; to++) *to = 0;
    paint_stack();
    main();
    finish("main has returned", 2);
}

__attribute__((naked, section(".vectors"), used)) void reset(void) {
    __asm__ volatile("la sp, stack_top\nla t0, %0\ncsrw mtvec, t0\nj %1" : : "i"(fault), "i"(start));
}
