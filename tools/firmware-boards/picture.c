/// The picture's rows, in place of a camera.
#include "board.h"

const uint8_t picture[] __attribute__((section(".picture"))) = {
#embed "picture.raw"
};
