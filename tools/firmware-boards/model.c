/// The model in flash, the arena and one row of the picture in RAM. What a program does not use is not linked.
#include "board.h"
#include "model.h"

/// A cache line: what `Model.alignment` and `Arena.alignment` ask for.
#define ALIGNED __attribute__((aligned(64)))

const uint8_t model[] ALIGNED __attribute__((section(".model"))) = {
#embed "int8.bin"
};
const int32_t model_bytes = sizeof model;

uint8_t arena[ARENA_BYTES] ALIGNED;
const int32_t arena_bytes = sizeof arena;

uint8_t line[ROW_BYTES] ALIGNED;
