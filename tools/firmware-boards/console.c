/// Lines of output, the stack's high-water mark, and the end of the run, over semihosting.
///
/// What it does not do: exist in a product. The debugger (here QEMU) answers `semihost`; a board of your own writes to its
/// UART instead. Calls are those of Arm's "Semihosting for AArch32 and AArch64" (2.0), which RISC-V uses as well.
#include "board.h"
#include "semihost.h"

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

extern uint32_t stack_bottom[], stack_top[];
static const uint32_t paint = 0xA5A5A5A5;

void paint_stack(void) {
    // The compiler may keep a little below the frame's own address; that much is painted over by nobody and counts as used.
    uint32_t *end = (uint32_t *)__builtin_frame_address(0) - 16;
    for (volatile uint32_t *word = stack_bottom; word < end; word++) *word = paint;
}

uint32_t stack_used(void) {
    const volatile uint32_t *word = stack_bottom;
    while (word < stack_top && *word == paint) word++;
    return (uint32_t)((uintptr_t)stack_top - (uintptr_t)word);
}

void report(const char *name, int64_t value) {
    char line[64];
    char *end = line + sizeof line - 1;
    char *text = end;
    *text = 0;
    *--text = '\n';
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do {
        *--text = (char)('0' + (int)(left % 10));
        left /= 10;
    } while (left != 0);
    if (value < 0) *--text = '-';
    *--text = ' ';
    semihost(SYS_WRITE0, name);
    semihost(SYS_WRITE0, text);
}

void finish(const char *message, int32_t code) {
    // A stack that has grown out of RAM makes anything go wrong: say so first.
    if (code != 0 && stack_used() == (uintptr_t)stack_top - (uintptr_t)stack_bottom)
        message = "the stack is too small; give it more room (--stack, or STACK_BYTES for build)";
    semihost(SYS_WRITE0, message);
    semihost(SYS_WRITE0, "\n");
    uintptr_t reason[2] = {APPLICATION_EXIT, (uintptr_t)code};
    semihost(SYS_EXIT_EXTENDED, reason);
    for (;;) {}
}
