/// Conformance cases in flash, as Tests/SwiftletConformanceTests/CaseFile.swift lays them out.
#include "board.h"

const uint8_t cases[] __attribute__((aligned(64), section(".model"))) = {
#embed "cases.bin"
};
