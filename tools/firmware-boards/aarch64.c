/// Start-up of one 64-bit Arm core at EL1, and the instruction counter of QEMU's virt machine.
///
/// Memory is mapped one to one as ordinary memory, for without a map the architecture lets no load be unaligned. Under
/// `-icount shift=4` QEMU lets 16 ns go by with each instruction, a tick of the generic timer at 62.5 MHz.
#include "board.h"

extern uint32_t bss_start[], bss_end[], data_start[], data_end[];
extern const uint32_t data_load[];
int main(void);

uint64_t instructions(void) {
    uint64_t ticks, frequency;
    __asm__ volatile("isb\nmrs %0, cntvct_el0\nmrs %1, cntfrq_el0" : "=r"(ticks), "=r"(frequency));
    return ticks * 62500000 / frequency;
}

/// A PL011: the received byte, and a flag of its status that there is none.
uint8_t read_byte(void) {
    static volatile uint32_t *const uart = (volatile uint32_t *)0x09000000;
    while (uart[6] & 1 << 4) {}
    return (uint8_t)uart[0];
}

__attribute__((used)) static void tellFault(void) {
    finish("fault: a failed precondition, a wild pointer or a stack that is too small", 3);
}

/// Blocks of 1 GiB from address 0 on: devices, then memory.
static uint64_t map[512] __attribute__((aligned(4096)));

static void mapMemory(void) {
    enum { IS_BLOCK = 1, IS_NORMAL = 1 << 2, IS_SHARED = 3 << 8, IS_USED = 1 << 10 };
    map[0] = IS_BLOCK | IS_USED;
    map[1] = (1ull << 30) | IS_BLOCK | IS_NORMAL | IS_SHARED | IS_USED;
    uint64_t attributes = 0xFF00;                                   // 0: a device; 1: memory, cached
    uint64_t control = 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23;   // 39 bits of address, one table, cached
    uint64_t system;
    __asm__ volatile("msr mair_el1, %0\nmsr tcr_el1, %1\nmsr ttbr0_el1, %2\ndsb sy\nisb" : : "r"(attributes), "r"(control),
                     "r"(map) : "memory");
    __asm__ volatile("mrs %0, sctlr_el1" : "=r"(system));
    system |= 1 | 1 << 2 | 1 << 12;                                 // the map, data and instruction caches
    __asm__ volatile("msr sctlr_el1, %0\nisb" : : "r"(system) : "memory");
}

__attribute__((used)) static void start(void) {
    const uint32_t *from = data_load;
    for (volatile uint32_t *to = data_start; to < data_end; to++) *to = *from++;
    for (volatile uint32_t *to = bss_start; to < bss_end; to++) *to = 0;
    mapMemory();
    paint_stack();
    main();
    finish("main has returned", 2);
}

/// Sixteen vectors of 128 bytes, all of which end in `fault`.
__attribute__((naked, aligned(2048), used)) static void vectors(void) {
    __asm__ volatile(".rept 16\n.balign 128\nb fault\n.endr");
}

/// A failed precondition or a wild pointer ends here, with a stack to tell it on.
__attribute__((naked, used)) void fault(void) {
    __asm__ volatile("adrp x0, stack_top\nadd x0, x0, :lo12:stack_top\nmov sp, x0\nb %0" : : "i"(tellFault));
}

__attribute__((naked, section(".vectors"), used)) void reset(void) {
    __asm__ volatile("mov x0, #(3 << 20)\nmsr cpacr_el1, x0\nisb\n"   // vectors and floating point
                     "adrp x0, stack_top\nadd x0, x0, :lo12:stack_top\nmov sp, x0\n"
                     "adrp x0, %0\nadd x0, x0, :lo12:%0\nmsr vbar_el1, x0\nb %1" : : "i"(vectors), "i"(start));
}
