// Convolution of several output rows at once with matrix tiles; part of avx512.c.
//
// A row of a small map fills less than half of a tile, and its weights, which are the most that late layers read, are read for
// each row anew. So the input rows of several output rows are packed one below the other, padding included, and the pixels of all
// those output rows lie at one distance from each other, as if they were one long row; between two rows are as many pixels as the
// window reaches beyond one, whose sums are made and left. With a stride, columns and rows are sorted into one plane for each
// remainder, so that neighbouring outputs still read neighbouring pixels.
//
// All that some rows read is packed before the first of them is written, so rows may be written where later ones read, as the
// executor's order allows. What it does not do: choose how many rows; dilate and stride at once.

// Packed inputs, and outputs before they go to their rows. A map of 14 x 14 with 256 channels and a frame fits.
#define ROWS_BYTES 65536

// How the pixels of some output rows lie: [plane of rows][plane of columns][row][column][group's channels, whole quads].
typedef struct {
    int32_t down, across;   // planes
    int32_t rows;           // of each
    NAME(Packing) packing;  // of a row
} NAME(Planes);

static NAME(Planes) NAME(planes)(const SKOutput *out, const SKWindow *window, const SKConvolution *conv, const SKRows *rows,
                                 int32_t count) {
    const int32_t reachDown = (window->kernelHeight - 1) * rows->dilation, quads = (conv->groupInputs + 3) / 4;
    const int32_t reachAcross = (window->kernelWidth - 1) * window->dilation;
    return (NAME(Planes)){.down = reachDown + 1 < rows->stride ? reachDown + 1 : rows->stride,
                          .across = reachAcross + 1 < window->stride ? reachAcross + 1 : window->stride,
                          .rows = count + reachDown / rows->stride,
                          .packing = {.groupStep = 4 * quads,
                                      .pixelStep = 4 * quads * conv->groups,
                                      .columns = out->width + reachAcross / window->stride}};
}

static int64_t NAME(planeBytes)(const NAME(Planes) *p) { return (int64_t)p->rows * p->packing.columns * p->packing.pixelStep; }

// The inputs of output rows `first` to `first + count`. Rows of a plane that no window reaches stay as they are.
static void NAME(packPlanes)(const SKInput *in, const SKWindow *window, const SKConvolution *conv, const SKRows *rows,
                             const NAME(Planes) *planes, int32_t first, int32_t count, uint8_t *packed) {
    const int32_t inputs = (count - 1) * rows->stride + (window->kernelHeight - 1) * rows->dilation + 1;
    for (int32_t down = 0; down < planes->down; down++)
        for (int32_t across = 0; across < planes->across; across++)
            for (int32_t y = 0; y < planes->rows; y++, packed += (int64_t)planes->packing.columns * planes->packing.pixelStep) {
                const int32_t input = y * rows->stride + down;
                if (input >= inputs) continue;
                NAME(packRow)(in, rows->inputs[first * rows->stride + input], across - window->paddingLeft, window->stride, conv,
                              &planes->packing, packed);
            }
}

// Where each run of a window lies from its pixel on. Returns how many quads each has.
static int32_t NAME(placeRuns)(const SKWindow *window, const SKRows *rows, const NAME(Planes) *planes, int areJoined,
                               int64_t *offsets) {
    const int32_t taken = areJoined ? 1 : window->kernelWidth;
    for (int32_t ky = 0, run = 0; ky < window->kernelHeight; ky++)
        for (int32_t kx = 0; kx < taken; kx++, run++) {
            const int32_t y = ky * rows->dilation, x = kx * window->dilation;
            const int32_t plane = y % rows->stride * planes->across + x % window->stride;
            offsets[run] = plane * NAME(planeBytes)(planes) +
                           ((int64_t)(y / rows->stride) * planes->packing.columns + x / window->stride) * planes->packing.pixelStep;
        }
    return planes->packing.groupStep / 4 * (areJoined ? window->kernelWidth : 1);
}

// Whether rows gain by company (matrices512.h has what a row takes): those that fill no tile, and windows over many channels,
// whose inputs are packed once instead of once for each row. Small groups in wide rows are better off in shared vectors.
static int NAME(gainsByRows)(const SKOutput *out, const SKWindow *window, const SKConvolution *conv) {
    const int isNarrow = out->width < 16, hasWindow = window->kernelWidth * window->kernelHeight > 1;
    if (conv->groups > 1) return conv->groupOutputs >= 8 && (out->width < 8 || (isNarrow && hasWindow));
    return conv->groupInputs >= 16 && (isNarrow || hasWindow);
}

static int NAME(multiplyRows)(const SKInput *in, const SKOutput *out, const SKWindow *window, const SKConvolution *conv,
                              const SKRows *rows) {
    const int32_t groups = conv->groups, outputs = conv->groupOutputs, allOutputs = groups * outputs;
    const int32_t taps = window->kernelHeight * window->kernelWidth, madeStep = (allOutputs + 63) / 64 * 64;
    const int areJoined = groups == 1 && window->dilation == 1 && window->stride == 1;
    const int32_t runs = areJoined ? window->kernelHeight : taps;
    const int isBothStridedAndDilated = (rows->stride > 1 || window->stride > 1) && (rows->dilation > 1 || window->dilation > 1);
    if (!NAME(gainsByRows)(out, window, conv) || runs > MOST_RUNS || isBothStridedAndDilated ||
        !NAME(canRequantize)(&conv->requantization, allOutputs)) return SK_LEFT;

    // As many rows at a time as fit.
    NAME(Planes) planes;
    int32_t taken = rows->count;
    for (; taken > 0; taken--) {
        planes = NAME(planes)(out, window, conv, rows, taken);
        if (planes.down * planes.across * NAME(planeBytes)(&planes) <= ROWS_BYTES &&
            (int64_t)taken * planes.packing.columns * madeStep <= ROWS_BYTES)
            break;
    }
    if (taken == 0 || (taken == 1 && rows->count > 1)) return SK_LEFT;

    uint8_t packed[ROWS_BYTES + 64] __attribute__((aligned(64)));
    uint8_t made[ROWS_BYTES + 64] __attribute__((aligned(64)));
    int64_t runOffsets[MOST_RUNS];
    const int32_t quads = planes.packing.groupStep / 4;
    const NAME(Groups) all = {.count = groups,
                              .outputs = outputs,
                              .inputStep = planes.packing.groupStep,
                              .weightBytes = (int64_t)(outputs + 3) / 4 * 4 * taps * quads * 4};
    for (int32_t first = 0; first < rows->count; first += taken) {
        const int32_t count = rows->count - first < taken ? rows->count - first : taken;
        planes = NAME(planes)(out, window, conv, rows, count);
        NAME(packPlanes)(in, window, conv, rows, &planes, first, count, packed);
        NAME(Tile) tile = {.base = packed,
                           .pixelStep = planes.packing.pixelStep,
                           .runOffsets = runOffsets,
                           .runs = runs,
                           .runQuads = NAME(placeRuns)(window, rows, &planes, areJoined, runOffsets),
                           .weights = conv->weights,
                           .blockBytes = (int64_t)taps * quads * 64,
                           .output = made,
                           .outputStep = madeStep,
                           .requantization = &conv->requantization};
        NAME(multiplyGroups)(&tile, (count - 1) * planes.packing.columns + out->width, &all);
        for (int32_t y = 0; y < count; y++) {
            const uint8_t *row = made + (int64_t)y * planes.packing.columns * madeStep;
            uint8_t *to = rows->outputs[first + y];
            if (out->channels) {
                NAME(scatter)(row, madeStep, out->width, out->channels, allOutputs, to, out->pixelBytes);
                continue;
            }
            for (int32_t x = 0; x < out->width; x++)
                NAME(copyBytes)(to + (int64_t)x * out->pixelBytes, row + (int64_t)x * madeStep, allOutputs);
        }
    }
    return SK_PACKED;
}
