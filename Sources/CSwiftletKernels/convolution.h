// Grouped convolution of one output row, written over the vector operations that an instruction set's file defines:
//
//     VI, VF            a vector of LANES int32, of LANES floats
//     LOAD_WEIGHTS      LANES outputs x 4 inputs; LOAD_SOME_WEIGHTS for the first `count` of them
//     BROADCAST(p)      4 bytes of a pixel, in every lane
//     DOT(acc, a, w)    acc + sum of 4 products of unsigned a and signed w, exact
//     Scales, loadScales, storeTile         see there
//
// and, where they differ from what stands here:
//
//     START(scales, v)  what the accumulators of vector v begin with
//     PREPARE           called once for all tiles of some channels, when their weights are known
//     TAKES_QUADS       where a function takes several quads of a run at once and tells how many those were
//     QUADS_AT_ONCE(V)  quads of a run without a branch between
//
// A tile is PIXELS x VECTORS accumulators that stay in registers while all taps go by. Its inputs come in runs: a run is some
// bytes of a pixel's (or of neighbouring taps') channels that lie together and meet weights that lie together.
//
// A 1x1 kernel reads the row where it lies. For all others, and where channels have a table or are no multiple of 4, the rows
// are first packed into a buffer on the stack, padding included, so that every pixel's runs lie at the same distances; at
// most PACKED_BYTES, a stretch of the row at a time. (Copying a row takes a tenth of the time that a table of pointers to the
// taps of each pixel took: 3x3, 64 to 64 channels.)

#define PACKED_BYTES 32768
#define MOST_RUNS 128

typedef struct {
    // Runs begin at `base + pixel * pixelStep + runOffsets[run]`.
    const uint8_t *base;
    int64_t pixelStep;
    const int64_t *runOffsets;
    int32_t runs;
    int32_t runQuads;
    const int8_t *weights;
    int64_t blockBytes;            // from one block of 16 outputs to the next
    int32_t quadBytes;             // from one quad's weights to the next: 4 x the block's outputs
    int32_t lanes;                 // outputs of the last vector that exist in the file
    uint8_t *output;               // of the first pixel
    int32_t outputStep;
    int32_t outputs;               // channels to write
    const SKRequantization *requantization;
    int32_t channel;               // the first one's number
} NAME(Tile);

#define VECTORS_A_BLOCK (16 / LANES)
#ifndef QUADS_AT_ONCE
#define QUADS_AT_ONCE(V) 1
#endif
#ifdef TAKES_QUADS
#define APART 1  // pixels for each of a tile's pointers
#else
#define APART 4
#endif
#ifndef START
#define START(scales, v) LOAD_INT(t->requantization->bias + t->channel + (v) * LANES)
#endif

// One quad of inputs of every pixel, `offset` bytes on.
static inline __attribute__((always_inline)) void NAME(addQuad)(VI acc[MOST_PIXELS][MOST_VECTORS], const NAME(Tile) *t,
                                                                const uint8_t *const *a, const int64_t *steps,
                                                                const int8_t *w, const int64_t offset, const int P,
                                                                const int V, const int partial) {
    WEIGHTS weights[MOST_VECTORS];
    UNROLL for (int v = 0; v < V; v++)
        weights[v] = partial ? LOAD_SOME_WEIGHTS(w + v * LANES * 4, t->lanes - v * LANES)
                             : LOAD_WEIGHTS(w + v / VECTORS_A_BLOCK * t->blockBytes + v % VECTORS_A_BLOCK * LANES * 4);
    UNROLL for (int p = 0; p < P; p++) {
        BYTES x = BROADCAST(a[p / APART] + steps[p % APART] + offset);
        UNROLL for (int v = 0; v < V; v++) acc[p][v] = DOT(acc[p][v], x, weights[v]);
    }
}

static inline __attribute__((always_inline)) void NAME(tile)(const NAME(Tile) *t, const NAME(Scales) *scales, const int P,
                                                             const int V, const int partial) {
    VI acc[MOST_PIXELS][MOST_VECTORS];
    UNROLL for (int v = 0; v < V; v++) {
        VI bias = START(scales, v);
        UNROLL for (int p = 0; p < P; p++) acc[p][v] = bias;
    }
    const int8_t *w = t->weights;
    const int64_t step = t->pixelStep, wStep = partial ? t->quadBytes : 64;
#ifdef TAKES_QUADS
    const int64_t steps[1] = {0};
    for (int run = 0; run < t->runs; run++) {
        const uint8_t *a[MOST_PIXELS];
        UNROLL for (int p = 0; p < P; p++) a[p] = t->base + t->runOffsets[run] + p * step;
        int64_t q = NAME(takeQuads)(acc, a, w, t->runQuads, scales, P, V);
        for (w += q * wStep; q < t->runQuads; q++, w += wStep) NAME(addQuad)(acc, t, a, steps, w, 4 * q, P, V, partial);
    }
#else
    // Distances that the compiler cannot know to be multiples: it would make up each address by an addition, on the ports of the
    // dot products.
    int64_t steps[4] = {0, step, 2 * step, 3 * step};
    UNROLL for (int i = 1; i < 4; i++) __asm__("" : "+r"(steps[i]));
    for (int run = 0; run < t->runs; run++) {
        // Pixels 4, 8 and 12 have pointers of their own; from those an address reaches the next three.
        const uint8_t *a[(MOST_PIXELS + 3) / 4];
        UNROLL for (int p = 0; p < P; p += 4) {
            a[p / 4] = t->base + t->runOffsets[run] + p * step;
            __asm__("" : "+r"(a[p / 4]));
        }
        const int several = QUADS_AT_ONCE(V);
        int64_t left = t->runQuads;
        for (; left >= several; left -= several, w += several * wStep) {
            UNROLL for (int u = 0; u < several; u++) NAME(addQuad)(acc, t, a, steps, w + u * wStep, 4 * u, P, V, partial);
            UNROLL for (int p = 0; p < P; p += 4) a[p / 4] += 4 * several;
        }
        for (; several > 1 && left > 0; left--, w += wStep) {
            NAME(addQuad)(acc, t, a, steps, w, 0, P, V, partial);
            UNROLL for (int p = 0; p < P; p += 4) a[p / 4] += 4;
        }
    }
#endif
    // Unrolled too: a loop over an array that is in registers would keep it in memory through all of the above (2.3 times as
    // slow; a copy of the sums in memory instead, 1.1 times).
    NAME(storeTile)(acc, P, V, scales, t->requantization, t->channel, t->output, t->outputStep, t->outputs);
}

#define TILE_CASE(P, V, partial) \
    case P: NAME(tile)(t, scales, P, V, partial); break;

// One function a number of vectors, each with every number of pixels compiled apart.
#define TILES(V, suffix, partial, CASES)                                                                       \
    static __attribute__((noinline)) void NAME(tile##suffix)(const NAME(Tile) *t, const NAME(Scales) *scales, int pixels) { \
        switch (pixels) { CASES(V, partial) }                                                                  \
    }
#define CASES_2(V, partial) TILE_CASE(1, V, partial) TILE_CASE(2, V, partial)
#define CASES_4(V, partial) CASES_2(V, partial) TILE_CASE(3, V, partial) TILE_CASE(4, V, partial)
#define CASES_6(V, partial) CASES_4(V, partial) TILE_CASE(5, V, partial) TILE_CASE(6, V, partial)
#define CASES_8(V, partial) CASES_6(V, partial) TILE_CASE(7, V, partial) TILE_CASE(8, V, partial)
#define CASES_12(V, partial) \
    CASES_8(V, partial) TILE_CASE(9, V, partial) TILE_CASE(10, V, partial) TILE_CASE(11, V, partial) TILE_CASE(12, V, partial)
#define CASES_14(V, partial) CASES_12(V, partial) TILE_CASE(13, V, partial) TILE_CASE(14, V, partial)

DEFINE_TILES

// Runs the tiles of one group over `pixels` output pixels whose runs are in `t`.
static void NAME(convolveGroup)(NAME(Tile) *t, int32_t pixels, int32_t groupOutputs, int32_t firstChannel) {
    const uint8_t *base = t->base;
    uint8_t *output = t->output;
    const int8_t *weights = t->weights;
    int32_t blocks = groupOutputs / 16, rest = groupOutputs % 16;
    for (int32_t done = 0; done < groupOutputs;) {
        int32_t left = blocks - done / 16;
        int partial = left == 0;
        int taken = partial ? 1 : NAME(blocksTaken)(left);
        int vectors = partial ? (rest + LANES - 1) / LANES : taken * VECTORS_A_BLOCK;
        t->weights = weights + (int64_t)(done / 16) * t->blockBytes;
        t->channel = firstChannel + done;
        t->outputs = partial ? rest : taken * 16;
        t->lanes = (rest + 3) / 4 * 4;
        t->quadBytes = t->lanes * 4;
        NAME(Scales) scales;
        NAME(loadScales)(&scales, t->requantization, t->channel, vectors);
#ifdef PREPARE
        PREPARE(&scales, t, vectors);
#endif
        int most = NAME(mostPixels)(vectors);
        // Short rows are one tile or a few: divisions would be a tenth of what such a row takes besides its tiles.
        int32_t tiles = pixels <= most ? 1 : (pixels + most - 1) / most;
        for (int32_t i = 0, x = 0; i < tiles; i++) {
            int32_t end = i + 1 == tiles ? pixels : (int32_t)((int64_t)pixels * (i + 1) / tiles);
            t->base = base + x * t->pixelStep;
            t->output = output + (int64_t)x * t->outputStep + done;
            NAME(runTile)(t, &scales, end - x, vectors, partial);
            x = end;
        }
        done += t->outputs;
    }
    t->base = base;
    t->output = output;
    t->weights = weights;
}

// How the groups of a convolution lie, from one to the next.
typedef struct {
    int32_t count;
    int32_t outputs;
    int32_t inputStep;    // bytes
    int64_t weightBytes;
} NAME(Groups);

// From the tile of one group to that of another, `count` further on. In place: a copy waits for what was stored just before
// (MobileNetV1 0.25 at 96: 1.01 times as long).
static inline void NAME(passGroups)(NAME(Tile) *tile, int32_t count, const NAME(Groups) *groups) {
    tile->base += count * groups->inputStep;
    tile->weights += count * groups->weightBytes;
    tile->output += count * groups->outputs;
}

// The tile is that of the first group, before and after.
static void NAME(convolveGroups)(NAME(Tile) *tile, int32_t pixels, const NAME(Groups) *groups) {
    for (int32_t group = 0; group < groups->count; group++, NAME(passGroups)(tile, 1, groups))
        NAME(convolveGroup)(tile, pixels, groups->outputs, group * groups->outputs);
    NAME(passGroups)(tile, -groups->count, groups);
}

#include "packing.h"

#ifdef SMALL_GROUPS
#include SMALL_GROUPS
#endif

// - `convolveGroups`: what makes the outputs of all groups, as convolveGroups does.
static int NAME(convolveBy)(const SKInput *in, const SKOutput *out, const SKWindow *window, const SKConvolution *conv,
                            void (*convolveGroups)(NAME(Tile) *, int32_t pixels, const NAME(Groups) *)) {
    int32_t inputs = conv->groupInputs, outputs = conv->groupOutputs, groups = conv->groups;
    int32_t quads = (inputs + 3) / 4;
    int32_t taps = window->kernelHeight * window->kernelWidth;
    int32_t allOutputs = groups * outputs, madeStep = (allOutputs + 63) / 64 * 64;
    if (!NAME(canRequantize)(&conv->requantization, allOutputs)) return 0;
#ifdef SMALL_GROUPS
    if (groups > 1 && outputs < 16 && NAME(convolveAsDense)(in, out, window, conv)) return SK_GROUPED;
    if (groups > 1 && outputs <= 8 && NAME(convolveSmallGroups)(in, out, window, conv)) return SK_GROUPED;
#endif
    int isPlain = taps == 1 && window->paddingLeft == 0 && in->rows[0] && (out->width - 1) * window->stride < in->width &&
                  !in->channels && inputs % 4 == 0;

    NAME(Packing) packing = {.groupStep = quads * 4, .pixelStep = quads * 4 * groups};
    // Taps of a kernel row are one run where they touch; the weights of neighbouring taps always do.
    int areJoined = !isPlain && groups == 1 && window->dilation == 1;
    int32_t runs = areJoined ? window->kernelHeight : taps;
    if (runs > MOST_RUNS) return 0;
    int32_t reach = (window->kernelWidth - 1) * window->dilation + 1;
    int32_t stretch = out->width;
    if (!isPlain) {
        int32_t columns = PACKED_BYTES / (packing.pixelStep * window->kernelHeight);
        if (columns < reach) return 0;
        int32_t fitting = (columns - reach) / window->stride + 1;
        stretch = stretch < fitting ? stretch : fitting;
    }
    if (out->channels && stretch > PACKED_BYTES / madeStep) stretch = PACKED_BYTES / madeStep;
    if (stretch < 1) return 0;
    if (stretch < out->width) {  // Equal stretches.
        int32_t parts = (out->width + stretch - 1) / stretch;
        stretch = (out->width + parts - 1) / parts;
    }

    uint8_t packed[PACKED_BYTES + 64] __attribute__((aligned(64)));
    uint8_t made[PACKED_BYTES + 64] __attribute__((aligned(64)));
    int64_t runOffsets[MOST_RUNS];
    runOffsets[0] = 0;
    NAME(Tile) tile = {.pixelStep = (int64_t)window->stride * (isPlain ? in->pixelBytes : packing.pixelStep),
                       .runOffsets = runOffsets,
                       .runs = runs,
                       .runQuads = areJoined ? window->kernelWidth * quads : quads,
                       .weights = conv->weights,
                       .blockBytes = (int64_t)taps * quads * 64,
                       .outputStep = out->channels ? madeStep : out->pixelBytes,
                       .requantization = &conv->requantization};
    const NAME(Groups) all = {.count = groups,
                              .outputs = outputs,
                              .inputStep = packing.groupStep,
                              .weightBytes = (int64_t)(outputs + 3) / 4 * 4 * taps * quads * 4};

    for (int32_t x = 0; x < out->width; x += stretch) {
        int32_t pixels = out->width - x < stretch ? out->width - x : stretch;
        int32_t firstColumn = x * window->stride - window->paddingLeft;
        tile.base = packed;
        if (isPlain) {
            tile.base = in->rows[0] + (int64_t)firstColumn * in->pixelBytes;
        } else {
            packing.columns = (pixels - 1) * window->stride + reach;
            NAME(packWindow)(in, window, conv, &packing, firstColumn, packed);
            for (int32_t run = 0; run < runs; run++) {
                int32_t ky = areJoined ? run : run / window->kernelWidth, kx = areJoined ? 0 : run % window->kernelWidth;
                runOffsets[run] = ((int64_t)ky * packing.columns + kx * window->dilation) * packing.pixelStep;
            }
        }
        tile.output = out->channels ? made : out->start + (int64_t)x * out->pixelBytes;
        convolveGroups(&tile, pixels, &all);
        if (out->channels)
            NAME(scatter)(made, tile.outputStep, pixels, out->channels, allOutputs,
                          out->start + (int64_t)x * out->pixelBytes, out->pixelBytes);
    }
    return isPlain ? SK_IN_PLACE : SK_PACKED;
}

static int NAME(convolve)(const SKInput *in, const SKOutput *out, const SKWindow *window, const SKConvolution *conv) {
    return NAME(convolveBy)(in, out, window, conv, NAME(convolveGroups));
}
