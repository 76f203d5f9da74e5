/// Start-up of a Cortex-M: vectors, initialised data, and the instruction counters of QEMU's MPS boards.
///
/// Under `-icount shift=6` QEMU lets 64 ns go by with each instruction, so a timer counts instructions, the same in every
/// run. Instructions are not time: a divide and a vector multiply count one each.
#include "board.h"

extern uint32_t stack_top[], data_start[], data_end[], bss_start[], bss_end[];
extern const uint32_t data_load[];
int main(void);

#if defined(BOARD_MPS2)
/// The CMSDK timer: 32 bits, counts down at 25 MHz, 40 ns a tick.
static volatile uint32_t *const timer = (volatile uint32_t *)0x40000000;
enum { CONTROL = 0, VALUE = 1, RELOAD = 2, ENABLE = 1 };

static void start_counter(void) {
    timer[RELOAD] = 0xFFFFFFFF;
    timer[VALUE] = 0xFFFFFFFF;
    timer[CONTROL] = ENABLE;
}

uint64_t instructions(void) {
    static uint32_t last = 0xFFFFFFFF;
    static uint64_t ticks = 0;
    uint32_t now = timer[VALUE];
    ticks += last - now;
    last = now;
    return ticks * 5 / 8;
}

/// The CMSDK UART: a data register, a flag that it is full, and a switch for receiving.
static volatile uint32_t *const uart = (volatile uint32_t *)0x40004000;
#elif defined(BOARD_MPS3)
/// The system counter of Corstone SSE-300: 64 bits at 32 MHz, 31.25 ns a tick. Its control frame switches it on.
static volatile uint32_t *const counter_control = (volatile uint32_t *)0x58100000;
static volatile uint32_t *const counter = (volatile uint32_t *)0x58000000;

static void start_counter(void) { counter_control[0] = 1; }

uint64_t instructions(void) {
    uint32_t high = counter[1], low = counter[0];
    if (counter[1] != high) {
        high = counter[1];
        low = counter[0];
    }
    return ((uint64_t)high << 32 | low) * 125 / 256;
}

static volatile uint32_t *const uart = (volatile uint32_t *)0x59303000;
#endif

uint8_t read_byte(void) {
    enum { DATA = 0, STATE = 1, SWITCHES = 2, DIVIDER = 4, IS_FULL = 2, RECEIVES = 2 };
    uart[DIVIDER] = 16;
    uart[SWITCHES] = RECEIVES;
    while (!(uart[STATE] & IS_FULL)) {}
    return (uint8_t)uart[DATA];
}

void reset(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20;  // CPACR: floating point and vectors
    __asm__ volatile("dsb\nisb");
#endif
    const uint32_t *from = data_load;
    for (uint32_t *to = data_start; to < data_end; to++) *to = *from++;
    for (uint32_t *to = bss_start; to < bss_end; to++) *to = 0;
    start_counter();
    paint_stack();
    main();
    finish("main has returned", 2);
}

__attribute__((used)) static void tellFault(void) {
    finish("fault: a failed precondition, a wild pointer or a stack that is too small", 3);
}

/// A failed precondition, a wild pointer or an overflowing stack ends here, with a stack to tell it on.
__attribute__((naked)) static void fault(void) {
    __asm__ volatile("ldr r0, =stack_top\nmov sp, r0\nb %0" : : "i"(tellFault));
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    stack_top, reset, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault,
};
