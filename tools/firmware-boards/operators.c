/// A table of instruction counts, an entry an operator.
#include "board.h"
#include "model.h"

static uint64_t counts[OPERATOR_COUNT];

uint64_t *operator_instructions(int32_t operation) { return &counts[operation]; }
