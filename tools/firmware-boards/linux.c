/// A program for 64-bit Arm Linux in place of a board: so the choice of kernels at run time is tested as well.
///
/// What it does not do: count instructions or look at the stack.
#include "board.h"
#include <CSwiftletKernels.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t instructions(void) { return 0; }
uint32_t stack_used(void) { return 0; }

void report(const char *name, int64_t value) { printf("%s %" PRId64 "\n", name, value); }

void finish(const char *message, int32_t code) {
    puts(message);
    exit(code);
}

__attribute__((constructor)) static void tellKernels(void) {
    const SKKernels *kernels = sk_chosen_kernels();
    printf("kernels %s\n", kernels ? kernels->name : "none");
}
