// Convolution of one output row with AMX's matrix tiles; part of avx512.c. What is not a dense convolution of enough products
// stays with the vectors.
//
// A row is cut into equal parts of up to 16 pixels, and the products of one set of them are rounded while the next ones are
// summed, from one group of channels to the next, too. What it does not do: several rows, see matrixrows512.h.

#include "matrixproduct512.h"

// What goes on from one group to the next: the sums that are still to be rounded, and room for the next ones.
typedef struct {
    int32_t sums[2][MATRIX_SUMS] __attribute__((aligned(64)));
    int8_t lastWeights[16 * 64] __attribute__((aligned(64)));
    NAME(Scales) scales[2];
    NAME(Rounding) before;
    int turn, pass;
} NAME(Stream);

// The tiles of one group, `parts` equal parts of the row: the last one begins early enough to be whole.
static __attribute__((noinline)) void NAME(multiplyParts)(NAME(Stream) *stream, const NAME(Tile) *t, const NAME(Steps) *steps,
                                                          int32_t pixels, int32_t parts, int32_t groupOutputs,
                                                          int32_t firstChannel) {
    const int32_t rows = (pixels + parts - 1) / parts, taken = parts > 1 ? 2 : 4;
    const int32_t allSteps = t->runs * steps->count, lastQuads = steps->lastQuads;
    const int32_t blocks = groupOutputs / 16, rest = groupOutputs % 16, allBlocks = blocks + (rest > 0);
    const int32_t lanes = (rest + 3) / 4 * 4;
    NAME(Rounding) *before = &stream->before;
    NAME(Tile) tile = *t;
    for (int32_t block = 0; block < allBlocks; block += taken, stream->pass = !stream->pass) {
        const int32_t vectors = allBlocks - block < taken ? allBlocks - block : taken;
        const int isPartial = rest && block + vectors == allBlocks;
        NAME(Product) product = {.tile = &tile, .steps = *steps, .lastBlockStep = 64};
        tile.weights = t->weights + block * t->blockBytes;
        tile.channel = firstChannel + 16 * block;
        tile.outputs = isPartial ? groupOutputs - 16 * block : 16 * vectors;
        if (isPartial) {
            const int8_t *end = t->weights + blocks * t->blockBytes + (int64_t)t->runs * t->runQuads * lanes * 4;
            for (int32_t q = 0; q < lastQuads; q++)
                _mm512_store_si512(stream->lastWeights + 64 * q, LOAD_SOME_WEIGHTS(end - (lastQuads - q) * lanes * 4, lanes));
            product.lastBlockStep = lanes * 4;
            product.lastWeights = stream->lastWeights;
        }
        NAME(Scales) *mine = &stream->scales[stream->pass];
        NAME(loadScales)(mine, t->requantization, tile.channel, vectors);
        for (int32_t part = 0; part < parts; part += 2) {
            const int32_t x = part * rows < pixels - rows ? part * rows : pixels - rows;
            const int32_t second = (part + 1) * rows < pixels - rows ? (part + 1) * rows - x : pixels - rows - x;
            int32_t *sums = stream->sums[stream->turn];
            tile.base = t->base + x * t->pixelStep;
            product.secondPixels = second * t->pixelStep;
            product.secondSums = (int64_t)second * vectors * 16;
            product.share = before->pixels * before->blocks / (4 * allSteps) + 4;
            NAME(multiplyPart)(&product, sums, before, parts > 1, vectors);
            NAME(roundSome)(before, MATRIX_SUMS);
            *before = (NAME(Rounding)){.sums = sums,
                                       .pixels = parts > 1 ? second + rows : rows,
                                       .blocks = vectors,
                                       .channel = tile.channel,
                                       .outputs = tile.outputs,
                                       .output = t->output + (int64_t)x * t->outputStep + 16 * block,
                                       .outputStep = t->outputStep,
                                       .scales = mine,
                                       .requantization = t->requantization};
            stream->turn = !stream->turn;
        }
    }
}

// An even number of parts where there are several, for they are taken in pairs.
static inline int32_t NAME(parts)(int32_t pixels) {
    const int32_t parts = (pixels + 15) / 16;
    return parts > 1 ? parts + parts % 2 : parts;
}

// Whether a row is worth it, in cycles. The vectors take half a cycle a quad for 16 sums. Tiles take 16 for each step of a
// tile of sums, whatever it holds, and 4 more where weights serve one part of a row alone (to leave those out: MobileNetV1
// 0.25 at 96 takes 1.02 times as long); 3 more than the vectors for the way of 16 sums through memory; and 350 a row for the
// configuration, where it is another, and for the first sums, beside which nothing is rounded.
//
// Lanes that the last block has not read the weights that follow, for sums that nobody stores. The last step, which is followed
// by none, is read from a copy; so it has to be as long as what is read too much.
static int NAME(takesMatrices)(const NAME(Tile) *first, int32_t pixels, const NAME(Groups) *groups) {
    const NAME(Steps) steps = NAME(steps)(first->runQuads);
    const int32_t rest = groups->outputs % 16, lanes = (rest + 3) / 4 * 4, quads = first->runs * first->runQuads;
    if (rest && (steps.lastQuads + 1) * lanes < 16) return 0;
    const int64_t blocks = (int64_t)groups->count * ((groups->outputs + 15) / 16);
    const int32_t parts = NAME(parts)(pixels);
    return pixels * blocks * (quads - 6) / 2 > 350 + (parts > 1 ? 16 : 20) * parts * blocks * first->runs * steps.count;
}

// As convolveGroups.
static void NAME(multiplyGroups)(NAME(Tile) *tile, int32_t pixels, const NAME(Groups) *groups) {
    if (!NAME(takesMatrices)(tile, pixels, groups)) return NAME(convolveGroups)(tile, pixels, groups);
    const NAME(Steps) steps = NAME(steps)(tile->runQuads);
    const int32_t parts = NAME(parts)(pixels);
    NAME(shapeMatrices)((pixels + parts - 1) / parts, &steps);
    NAME(Stream) stream;
    stream.turn = stream.pass = 0;
    stream.scales[0].isRectified = 0;
    stream.before = (NAME(Rounding)){
        .pixels = 0, .blocks = 1, .scales = &stream.scales[0], .requantization = tile->requantization};
    for (int32_t group = 0; group < groups->count; group++, NAME(passGroups)(tile, 1, groups))
        NAME(multiplyParts)(&stream, tile, &steps, pixels, parts, groups->outputs, group * groups->outputs);
    NAME(passGroups)(tile, -groups->count, groups);
    NAME(roundSome)(&stream.before, MATRIX_SUMS);
}

static int NAME(multiplyMatrices)(const SKInput *in, const SKOutput *out, const SKWindow *window, const SKConvolution *conv) {
    return NAME(convolveBy)(in, out, window, conv, NAME(multiplyGroups));
}

// Four sums at a time: enough that no product waits for another.
__attribute__((noinline)) static int64_t NAME(matrixProducts)(int64_t rounds) {
    static const uint8_t some[64] = {1, 2, 3, 4};
    const NAME(Steps) steps = NAME(steps)(16);
    NAME(shapeMatrices)(16, &steps);
    _tile_loadd(MATRIX_PIXELS, some, 0);
    _tile_loadd(MATRIX_WEIGHTS, some, 0);
    for (int64_t round = 0; round < rounds; round++) {
        _tile_dpbusd(0, MATRIX_PIXELS, MATRIX_WEIGHTS);
        _tile_dpbusd(1, MATRIX_PIXELS, MATRIX_WEIGHTS);
        _tile_dpbusd(2, MATRIX_PIXELS, MATRIX_WEIGHTS);
        _tile_dpbusd(3, MATRIX_PIXELS, MATRIX_WEIGHTS);
    }
    NAME(releaseMatrices)();
    return rounds * 4 * 16 * 16 * 64;
}
