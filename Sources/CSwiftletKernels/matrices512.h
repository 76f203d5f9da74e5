// Convolution of one output row with AMX's matrix tiles; part of avx512.c. What is not a dense convolution of enough products stays
// with the vectors.
//
// One instruction multiplies up to 16 pixels x 64 input bytes with 64 bytes x 16 outputs: 16,384 products in as many cycles as
// there are pixels (16 at most), eight times what the vectors do. The file's weights are such a right-hand side as they lie, pixels
// are rows of the left-hand side where they lie, and sums begin with the bias, read by a tile whose rows are 0 bytes apart. They
// wrap as the vectors' do.
//
// Sums go through memory to the same rounding as everywhere; while one set of them is rounded, the next one is summed.

// Which tile registers hold what. The last quads of a run, fewer than 16, have two of their own, for another shape means another
// configuration and that clears all tiles.
#define MATRIX_PIXELS 4
#define MATRIX_WEIGHTS 5
#define MATRIX_LAST_PIXELS 6
#define MATRIX_LAST_WEIGHTS 7

// Sums of a set at most: 32 pixels of 2 blocks of 16 outputs or 16 of 4.
#define MATRIX_SUMS 1024

typedef struct {
    uint8_t palette, startRow, reserved[14];
    uint16_t rowBytes[16];
    uint8_t rows[16];
} NAME(MatrixShapes);

static void NAME(shapeMatrices)(int32_t pixels, int32_t lastQuads) {
    NAME(MatrixShapes) shapes = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        int isLast = i == MATRIX_LAST_PIXELS || i == MATRIX_LAST_WEIGHTS;
        int isWeights = i == MATRIX_WEIGHTS || i == MATRIX_LAST_WEIGHTS, quads = isLast && lastQuads ? lastQuads : 16;
        shapes.rows[i] = (uint8_t)(isWeights ? quads : pixels);
        shapes.rowBytes[i] = (uint16_t)(i == MATRIX_LAST_PIXELS ? 4 * quads : 64);
    }
    _tile_loadconfig(&shapes);
}

// A set of sums on its way to bytes.
typedef struct {
    const int32_t *sums;  // [pixel][block][16]
    int32_t pixels;       // still to be rounded
    int32_t blocks;
    int32_t channel, outputs;
    uint8_t *output;
    int64_t outputStep;
    const NAME(Scales) *scales;
    const SKRequantization *requantization;
} NAME(Rounding);

// Rounds four vectors at a time, `times` of them or what is left.
static inline __attribute__((always_inline)) void NAME(roundSums)(NAME(Rounding) *r, int32_t times, const int V,
                                                                  const int rectified) {
    const int several = V > 2 ? 1 : 4 / V;
    const int32_t *sums = r->sums;
    uint8_t *output = r->output;
    int32_t pixels = r->pixels;
    const NAME(Scales) scales = *r->scales;
    const int64_t step = r->outputStep;
    const int32_t outputs = r->outputs;
    __m512i acc[MOST_PIXELS][MOST_VECTORS];
    for (; times > 0 && pixels >= several; times--, pixels -= several, sums += several * V * 16, output += several * step) {
        UNROLL for (int p = 0; p < several; p++)
            UNROLL for (int v = 0; v < V; v++) acc[p][v] = _mm512_load_si512(sums + (p * V + v) * 16);
        NAME(storeTileAs)(acc, several, V, &scales, r->requantization, r->channel, output, step, outputs, rectified);
    }
    for (; times > 0 && pixels > 0 && pixels < several; times--, pixels--, sums += V * 16, output += step) {
        UNROLL for (int v = 0; v < V; v++) acc[0][v] = _mm512_load_si512(sums + v * 16);
        NAME(storeTileAs)(acc, 1, V, &scales, r->requantization, r->channel, output, step, outputs, rectified);
    }
    r->sums = sums;
    r->output = output;
    r->pixels = pixels;
}

static __attribute__((noinline)) void NAME(roundSome)(NAME(Rounding) *r, int32_t times) {
    switch (r->blocks * 2 + r->scales->isRectified) {
    case 2: NAME(roundSums)(r, times, 1, 0); break;
    case 3: NAME(roundSums)(r, times, 1, 1); break;
    case 4: NAME(roundSums)(r, times, 2, 0); break;
    case 5: NAME(roundSums)(r, times, 2, 1); break;
    case 6: NAME(roundSums)(r, times, 3, 0); break;
    case 7: NAME(roundSums)(r, times, 3, 1); break;
    case 8: NAME(roundSums)(r, times, 4, 0); break;
    case 9: NAME(roundSums)(r, times, 4, 1); break;
    }
}

// Some pixels, and as many again, of some blocks of outputs.
typedef struct {
    const NAME(Tile) *tile;
    int64_t secondPixels;         // bytes from the first pixels to the second
    int64_t secondSums;           // sums from the first pixels' to the second's
    int64_t lastBlockStep;        // bytes from a quad to the next in the last block
    const int8_t *lastWeights;    // where the last block's last step lies 64 bytes a quad
    int32_t share;                // of the rounding, to be done in each step
} NAME(Product);

// One step of up to 16 quads. Weights are read again rather than pixels: those lie at the start of a cache line.
#define MATRIX_STEP(PIXELS, WEIGHTS_OF)                                                                           \
    {                                                                                                             \
        _tile_loadd(PIXELS, a, step);                                                                             \
        if (V > 1) {                                                                                              \
            _tile_loadd(WEIGHTS_OF, w, 64);                                                                       \
            _tile_dpbusd(0, PIXELS, WEIGHTS_OF);                                                                  \
        }                                                                                                         \
        if (V > 2) {                                                                                              \
            _tile_loadd(WEIGHTS_OF, w + t->blockBytes, 64);                                                       \
            _tile_dpbusd(1, PIXELS, WEIGHTS_OF);                                                                  \
        }                                                                                                         \
        if (V > 3) {                                                                                              \
            _tile_loadd(WEIGHTS_OF, w + 2 * t->blockBytes, 64);                                                   \
            _tile_dpbusd(2, PIXELS, WEIGHTS_OF);                                                                  \
        }                                                                                                         \
        _tile_loadd(WEIGHTS_OF, wLast, lastStep);                                                                 \
        if (V == 1) _tile_dpbusd(0, PIXELS, WEIGHTS_OF);                                                          \
        if (V == 2) _tile_dpbusd(1, PIXELS, WEIGHTS_OF);                                                          \
        if (V == 3) _tile_dpbusd(2, PIXELS, WEIGHTS_OF);                                                          \
        if (V == 4) _tile_dpbusd(3, PIXELS, WEIGHTS_OF);                                                          \
        if (P == 2) {                                                                                             \
            _tile_loadd(PIXELS, a + product->secondPixels, step);                                                 \
            if (V == 1) _tile_dpbusd(2, PIXELS, WEIGHTS_OF);                                                      \
            if (V == 2) {                                                                                         \
                _tile_dpbusd(3, PIXELS, WEIGHTS_OF);                                                              \
                _tile_loadd(WEIGHTS_OF, w, 64);                                                                   \
                _tile_dpbusd(2, PIXELS, WEIGHTS_OF);                                                              \
            }                                                                                                     \
        }                                                                                                         \
    }

// P x V tiles of sums; those of the second pixels are tiles 2 and 3. Rounds what `before` holds meanwhile.
static inline __attribute__((always_inline)) void NAME(multiply)(const NAME(Product) *product, int32_t *sums,
                                                                 NAME(Rounding) *before, const int P, const int V) {
    const NAME(Tile) *t = product->tile;
    const int32_t *bias = t->requantization->bias + t->channel;
    _tile_loadd(0, bias, 0);
    if (V > 1) _tile_loadd(1, bias + 16, 0);
    if (V > 2 || P == 2) _tile_loadd(2, bias + (P == 2 ? 0 : 32), 0);
    if (V > 3 || (P == 2 && V == 2)) _tile_loadd(3, bias + (P == 2 ? 16 : 48), 0);

    const int64_t step = t->pixelStep;
    const int8_t *w = t->weights, *wLast = w + (V - 1) * t->blockBytes;
    const int32_t whole = t->runQuads / 16, rest = t->runQuads % 16, all = t->runs * (whole + (rest > 0));
    int64_t lastStep = product->lastBlockStep;
    for (int32_t run = 0, left = all; run < t->runs; run++) {
        const uint8_t *a = t->base + t->runOffsets[run];
        for (int32_t k = 0; k < whole; k++, a += 64, w += 16 * 64, wLast += 16 * lastStep) {
            if (--left == 0 && product->lastWeights) wLast = product->lastWeights, lastStep = 64;
            MATRIX_STEP(MATRIX_PIXELS, MATRIX_WEIGHTS)
            NAME(roundSome)(before, product->share);
        }
        if (rest) {
            if (--left == 0 && product->lastWeights) wLast = product->lastWeights, lastStep = 64;
            MATRIX_STEP(MATRIX_LAST_PIXELS, MATRIX_LAST_WEIGHTS)
            NAME(roundSome)(before, product->share);
            w += rest * 64;
            wLast += rest * lastStep;
        }
    }
    _tile_stored(0, sums, V * 64);
    if (V > 1) _tile_stored(1, sums + 16, V * 64);
    if (V > 2 || P == 2) _tile_stored(2, sums + (P == 2 ? product->secondSums : 32), V * 64);
    if (V > 3 || (P == 2 && V == 2)) _tile_stored(3, sums + (P == 2 ? product->secondSums + 16 : 48), V * 64);
}

static __attribute__((noinline)) void NAME(multiplyPart)(const NAME(Product) *p, int32_t *sums, NAME(Rounding) *before,
                                                         int isPair, int vectors) {
    if (isPair) {
        if (vectors == 2) NAME(multiply)(p, sums, before, 2, 2);
        else NAME(multiply)(p, sums, before, 2, 1);
        return;
    }
    switch (vectors) {
    case 1: NAME(multiply)(p, sums, before, 1, 1); break;
    case 2: NAME(multiply)(p, sums, before, 1, 2); break;
    case 3: NAME(multiply)(p, sums, before, 1, 3); break;
    case 4: NAME(multiply)(p, sums, before, 1, 4); break;
    }
}

// Whether a group's row is worth it, in cycles. The vectors take half a cycle a quad for 16 sums. Tiles take 16 for each step of a
// tile of sums, whatever it holds, 3 more than the vectors for the way of 16 sums through memory, and 450 a row for the
// configuration (170) and for the first sums, which nothing is done beside.
static int NAME(suitsMatrices)(const NAME(Tile) *t, int32_t pixels, int32_t parts, int32_t blocks) {
    const int32_t steps = t->runs * ((t->runQuads + 15) / 16), quads = t->runs * t->runQuads;
    return (int64_t)pixels * blocks * (quads - 6) / 2 > 450 + (int64_t)16 * parts * blocks * steps;
}

// As convolveGroup.
static void NAME(multiplyGroup)(NAME(Tile) *t, int32_t pixels, int32_t groupOutputs, int32_t firstChannel) {
    // Equal parts of the row, an even number of them where there are several: the last one begins early enough to be whole.
    int32_t parts = (pixels + 15) / 16;
    if (parts > 1) parts += parts % 2;
    const int32_t rows = (pixels + parts - 1) / parts, taken = parts > 1 ? 2 : 4;
    const int32_t lastQuads = t->runQuads % 16 ? t->runQuads % 16 : 16;
    const int32_t blocks = groupOutputs / 16, rest = groupOutputs % 16, allBlocks = blocks + (rest > 0);
    if (!NAME(suitsMatrices)(t, pixels, parts, allBlocks)) return NAME(convolveGroup)(t, pixels, groupOutputs, firstChannel);
    NAME(shapeMatrices)(rows, t->runQuads % 16);

    int32_t sums[2][MATRIX_SUMS] __attribute__((aligned(64)));
    int8_t lastWeights[16 * 64] __attribute__((aligned(64)));
    NAME(Scales) scales[2];
    NAME(Tile) tile = *t;
    NAME(Rounding) before = {.pixels = 0, .blocks = 1, .scales = &scales[0], .requantization = t->requantization};
    scales[0].isRectified = 0;
    int turn = 0;
    for (int32_t block = 0, pass = 0; block < allBlocks; block += taken, pass++) {
        const int32_t vectors = allBlocks - block < taken ? allBlocks - block : taken;
        const int isPartial = rest && block + vectors == allBlocks;
        NAME(Product) product = {.tile = &tile, .lastBlockStep = 64};
        tile.weights = t->weights + block * t->blockBytes;
        tile.channel = firstChannel + 16 * block;
        tile.outputs = isPartial ? groupOutputs - 16 * block : 16 * vectors;
        if (isPartial) {
            // Lanes that are not there read the next quad's weights, for sums that nobody stores; but the last quads have no next.
            const int32_t lanes = (rest + 3) / 4 * 4;
            const int8_t *end = t->weights + blocks * t->blockBytes + (int64_t)t->runs * t->runQuads * lanes * 4;
            for (int32_t q = 0; q < lastQuads; q++)
                _mm512_store_si512(lastWeights + 64 * q, LOAD_SOME_WEIGHTS(end - (lastQuads - q) * lanes * 4, lanes));
            product.lastBlockStep = lanes * 4;
            product.lastWeights = lastWeights;
        }
        NAME(Scales) *mine = &scales[pass % 2];
        NAME(loadScales)(mine, t->requantization, tile.channel, vectors);
        for (int32_t part = 0; part < parts; part += 2) {
            const int32_t x = part * rows < pixels - rows ? part * rows : pixels - rows;
            const int32_t second = (part + 1) * rows < pixels - rows ? (part + 1) * rows - x : pixels - rows - x;
            const int32_t taking = parts > 1 ? second + rows : rows;
            const int32_t steps = t->runs * ((t->runQuads + 15) / 16);
            tile.base = t->base + x * t->pixelStep;
            product.secondPixels = second * t->pixelStep;
            product.secondSums = second * vectors * 16;
            product.share = (before.pixels * before.blocks / 4 + 1 + steps - 1) / steps;
            NAME(multiplyPart)(&product, sums[turn], &before, parts > 1, vectors);
            NAME(roundSome)(&before, MATRIX_SUMS);
            before = (NAME(Rounding)){.sums = sums[turn],
                                      .pixels = taking,
                                      .blocks = vectors,
                                      .channel = tile.channel,
                                      .outputs = tile.outputs,
                                      .output = t->output + (int64_t)x * t->outputStep + 16 * block,
                                      .outputStep = t->outputStep,
                                      .scales = mine,
                                      .requantization = t->requantization};
            turn = !turn;
        }
    }
    NAME(roundSome)(&before, MATRIX_SUMS);
    _tile_release();
}

static int NAME(multiplyMatrices)(const SKInput *in, const SKOutput *out, const SKWindow *window, const SKConvolution *conv) {
    return NAME(convolveBy)(in, out, window, conv, NAME(multiplyGroup));
}

// Four sums at a time: enough that no product waits for another.
__attribute__((noinline)) static int64_t NAME(matrixProducts)(int64_t rounds) {
    static const uint8_t some[64] = {1, 2, 3, 4};
    NAME(shapeMatrices)(16, 0);
    _tile_loadd(MATRIX_PIXELS, some, 0);
    _tile_loadd(MATRIX_WEIGHTS, some, 0);
    for (int64_t round = 0; round < rounds; round++) {
        _tile_dpbusd(0, MATRIX_PIXELS, MATRIX_WEIGHTS);
        _tile_dpbusd(1, MATRIX_PIXELS, MATRIX_WEIGHTS);
        _tile_dpbusd(2, MATRIX_PIXELS, MATRIX_WEIGHTS);
        _tile_dpbusd(3, MATRIX_PIXELS, MATRIX_WEIGHTS);
    }
    _tile_release();
    return rounds * 4 * 16 * 16 * 64;
}
