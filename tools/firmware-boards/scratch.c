/// Memory for a program without a model, which takes its operators from a generator.
#include "board.h"

uint8_t scratch[1 << 18] __attribute__((aligned(64)));
