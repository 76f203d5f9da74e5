/// The model in flash and the arena in RAM.
#include "board.h"

/// A cache line: what `Model.alignment` and `Arena.alignment` ask for.
#define ALIGNED __attribute__((aligned(64)))

const uint8_t model[MODEL_BYTES] ALIGNED __attribute__((section(".model"))) = {
#embed "int8.bin"
};

uint8_t arena[ARENA_BYTES] ALIGNED;
