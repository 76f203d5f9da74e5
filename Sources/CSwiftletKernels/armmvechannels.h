// Kernels that keep channels apart, for cores with Helium; part of armmve.c.
//
// Depthwise convolution widens eight channels to 16 bits, an addition four to 32. What they do not do: channel multipliers,
// depthwise inputs and additions with a table of channels.

// Channels of `pixels` neighbouring outputs from x on, eight at a time: those with even numbers in one vector of sums, those
// with odd ones in another. `taps` has the pixel of each tap, those of the pixels in turn.
static inline __attribute__((always_inline)) void depthwisePixels(const SKOutput *out, const SKConvolution *convolution,
                                                                  int32_t x, const uint8_t *const *taps, int32_t tapCount,
                                                                  const int pixels) {
    const SKRequantization *r = &convolution->requantization;
    const int32_t channels = convolution->groups;
    for (int32_t channel = 0; channel < channels; channel += 8) {
        const mve_pred16_t mask = vctp16q((uint32_t)(channels - channel));
        int32x4x2_t bias = vld2q_s32(r->bias + channel), sums[2] = {bias, bias};
        const int8_t *weights = convolution->weights + channel;
        const uint8_t *const *tap = taps;
        for (int32_t left = tapCount; left > 0; left--, weights += convolution->paddedChannels) {
            int16x8_t w = vldrbq_s16(weights);
            UNROLL for (int p = 0; p < pixels; p++) {
                int16x8_t values = vreinterpretq_s16_u16(vldrbq_z_u16(*tap++ + channel, mask));
                sums[p].val[0] = vaddq_s32(sums[p].val[0], vmullbq_int_s16(values, w));
                sums[p].val[1] = vaddq_s32(sums[p].val[1], vmulltq_int_s16(values, w));
            }
        }
        int16x8_t shift = vldrbq_s16(r->shift + channel);
        int32x4x2_t multiplier = vld2q_s32(r->multiplier + channel);
        const int32x4_t even = vmovlbq_s16(shift), odd = vmovltq_s16(shift);
        UNROLL for (int p = 0; p < pixels; p++) {
            int32x4_t first = rescale(sums[p].val[0], multiplier.val[0], even);
            int32x4_t second = rescale(sums[p].val[1], multiplier.val[1], odd);
            int16x8_t value = vqmovntq_s32(vqmovnbq_s32(vdupq_n_s16(0), first), second);
            value = vqaddq_n_s16(value, (int16_t)r->zeroPoint);
            value = vminq_s16(vmaxq_s16(value, vdupq_n_s16(r->low)), vdupq_n_s16(r->high));
            uint8_t *pixel = out->start + (x + p) * out->pixelBytes;
            if (out->channels) {
                vstrbq_scatter_offset_p_s16((int8_t *)pixel, vldrhq_z_u16(out->channels + channel, mask), value, mask);
            } else {
                vstrbq_p_s16((int8_t *)pixel + channel, value, mask);
            }
        }
    }
}

static __attribute__((noinline)) void depthwiseOne(const SKOutput *out, const SKConvolution *convolution, int32_t x,
                                                   const uint8_t *const *taps, int32_t tapCount) {
    depthwisePixels(out, convolution, x, taps, tapCount, 1);
}

static __attribute__((noinline)) void depthwiseTwo(const SKOutput *out, const SKConvolution *convolution, int32_t x,
                                                   const uint8_t *const *taps, int32_t tapCount) {
    depthwisePixels(out, convolution, x, taps, tapCount, 2);
}

static int convolveDepthwise(const SKInput *in, const SKOutput *out, const SKWindow *window,
                             const SKConvolution *convolution) {
    int32_t count = window->kernelHeight * window->kernelWidth;
    if (convolution->groupOutputs != 1 || in->channels || count > MOST_TAPS) return 0;
    if (!canRequantize(&convolution->requantization, convolution->groups)) return 0;
    const uint8_t *taps[count * 2];
    for (int32_t x = 0; x < out->width; x += 2) {
        int32_t pixels = out->width - x < 2 ? 1 : 2;
        for (int32_t p = 0; p < pixels; p++) sk_taps(in, window, convolution->padPixel, x + p, taps + p, pixels);
        (pixels == 2 ? depthwiseTwo : depthwiseOne)(out, convolution, x, taps, count);
    }
    return 1;
}

// `rescale` by one number, in the steps of an addition.
static inline int32x4_t rescaleAll(int32x4_t values, int32_t multiplier, int32_t shift) {
    return rescale(values, vdupq_n_s32(multiplier), vdupq_n_s32(shift));
}

static int add(const SKInput *first, const SKInput *second, const SKOutput *out, const SKAddition *a) {
    if (first->channels || second->channels || out->channels || a->shift[0] > 0 || a->shift[1] > 0 || a->shift[2] > 0) return 0;
    for (int32_t x = 0; x < out->width; x++) {
        const uint8_t *left = first->rows[0] + x * first->pixelBytes, *right = second->rows[0] + x * second->pixelBytes;
        uint8_t *target = out->start + x * out->pixelBytes;
        for (int32_t channel = 0; channel < out->channelCount; channel += 4) {
            mve_pred16_t mask = vctp32q((uint32_t)(out->channelCount - channel));
            int32x4_t one = vreinterpretq_s32_u32(vldrbq_z_u32(left + channel, mask));
            int32x4_t two = vreinterpretq_s32_u32(vldrbq_z_u32(right + channel, mask));
            one = vshlq_n_s32(vsubq_n_s32(one, a->firstZeroPoint), SK_ADDITION_SHIFT);
            two = vshlq_n_s32(vsubq_n_s32(two, a->secondZeroPoint), SK_ADDITION_SHIFT);
            int32x4_t sum = vaddq_s32(rescaleAll(one, a->multiplier[0], a->shift[0]),
                                      rescaleAll(two, a->multiplier[1], a->shift[1]));
            sum = vaddq_n_s32(rescaleAll(sum, a->multiplier[2], a->shift[2]), a->zeroPoint);
            sum = vminq_s32(vmaxq_s32(sum, vdupq_n_s32(a->low)), vdupq_n_s32(a->high));
            vstrbq_p_s32((int8_t *)target + channel, sum, mask);
        }
    }
    return 1;
}
