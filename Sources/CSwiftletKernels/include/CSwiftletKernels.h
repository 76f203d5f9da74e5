// Microkernels of the int8 operators, one set for each instruction set, chosen at run time. Every one of them gives the bytes
// of the readable reference in SwiftletKernels; see TheArithmetic in SwiftletFormat's documentation.
//
// Bytes in the arena are int8 values plus 128. No kernel reads or writes a byte outside of the rows that it is given.
// What they do not do: check, allocate, or know about rings and plans.
#ifndef CSWIFTLET_KERNELS_H
#define CSWIFTLET_KERNELS_H

#include <stdint.h>

// A row to read, under a window: `rows[ky]` is the first pixel of the row at kernel row `ky`, null where that is padding.
typedef struct {
    const uint8_t *const *rows;
    int32_t width;        // pixels
    int32_t pixelBytes;   // from one pixel to the next
    const uint16_t *channels;  // where channel c of a pixel lies; null when it is byte c
    int32_t channelCount;
} SKInput;

typedef struct {
    uint8_t *start;
    int32_t width;
    int32_t pixelBytes;
    const uint16_t *channels;
    int32_t channelCount;
} SKOutput;

typedef struct {
    int32_t kernelHeight;
    int32_t kernelWidth;
    int32_t stride;
    int32_t dilation;
    int32_t paddingLeft;
} SKWindow;

// Several rows of an output, in order. The rows of its input are those from the first window's top to the last one's bottom.
typedef struct {
    int32_t count;
    int32_t stride;    // from a window to the next, down
    int32_t dilation;
    const uint8_t *const *inputs;  // the first pixel of each, null where that is padding
    uint8_t *const *outputs;
} SKRows;

// Accumulators to bytes: `clamp(zeroPoint + acc * multiplier[c] * 2^(shift[c] - 31))`, rounded twice.
typedef struct {
    const int32_t *bias;  // padded to whole blocks of 16 channels, as are the next two
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t zeroPoint;    // of the byte: int8 zero point + 128
    uint8_t low;          // the activation's bounds, as bytes
    uint8_t high;
} SKRequantization;

typedef struct {
    SKRequantization requantization;
    const int8_t *weights;      // dense: [group][block of 16 outputs][tap][quad of inputs][16][4]; depthwise: [tap][padded]
    const uint8_t *padPixel;    // what padding holds, a byte an input channel
    int32_t groups;
    int32_t groupInputs;
    int32_t groupOutputs;
    int32_t paddedChannels;     // of the per-channel arrays and of a depthwise row of weights
} SKConvolution;

// The three multipliers of an addition: first input, second input, sum.
typedef struct {
    int32_t multiplier[3];
    int32_t shift[3];
    int32_t firstZeroPoint;   // of the bytes
    int32_t secondZeroPoint;
    int32_t zeroPoint;
    uint8_t low;
    uint8_t high;
} SKAddition;

// How a kernel has made a row.
enum {
    SK_LEFT = 0,      // not at all, because the shape or a multiplier is beyond it: the reference does it then
    SK_IN_PLACE = 1,  // from the rows where they lie
    SK_PACKED = 2,    // from rows that it has packed or sorted first
    SK_GROUPED = 3,   // several small groups at once: in one vector, or as one group with zeros between
};

// Each of the operators returns one of these.
typedef struct {
    const char *name;
    int (*convolve)(const SKInput *, const SKOutput *, const SKWindow *, const SKConvolution *);
    int (*convolveDepthwise)(const SKInput *, const SKOutput *, const SKWindow *, const SKConvolution *);
    int (*add)(const SKInput *first, const SKInput *second, const SKOutput *, const SKAddition *);
    int (*poolMax)(const SKInput *, const SKOutput *, const SKWindow *, uint8_t low, uint8_t high);
    int (*poolAverage)(const SKInput *, const SKOutput *, const SKWindow *, uint8_t low, uint8_t high);
    int (*accumulate)(const SKInput *row, int32_t *sums);  // sums[c] += value - 128, over the row
    // What the core can do at best, for reports; null where nobody measures. Dot products that stay in registers, and the number
    // of multiply-accumulates that they were; a pass over `bytes`, a multiple of 512 and aligned to 64.
    int64_t (*dotProducts)(int64_t rounds);
    void (*read)(const uint8_t *start, int64_t bytes);
    // Several rows at once, as if one after the other; null where that is not worth it. The input's rows and the output's start
    // are those of SKRows.
    int (*convolveRows)(const SKInput *, const SKOutput *, const SKWindow *, const SKConvolution *, const SKRows *);
    // Gives back what the kernels hold of the processor between two calls; null where they hold nothing.
    void (*release)(void);
} SKKernels;

// The kernels for an instruction set by name (amx, avx512vnni, avxvnni, avx2; i8mm, dotprod, neon), or the best that this processor
// has for a null name. Null when the processor has none of it, or there is no such name; the reference is to be used then.
const SKKernels *sk_kernels(const char *name);

// The kernels that this process uses: the environment variable SWIFTLET_ISA by name, `portable` for none; without it the best.
// On bare metal those of the core that the compiler was told of.
const SKKernels *sk_chosen_kernels(void);

#endif
