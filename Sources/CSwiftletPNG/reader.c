// Reading: every call that can longjmp sits behind its own setjmp, and no local changes between the two.
#include "CSwiftletPNG.h"

#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct swiftlet_png_reader {
    png_structp png;
    png_infop info;
    FILE *file;
    int owns_file;
    const uint8_t *bytes;
    size_t count;
    size_t position;
    size_t byte_limit;
    uint8_t signature[8];
    size_t signature_count;
    uint32_t height;
    size_t row_bytes;
    int interlaced;
    uint32_t next_row;
    // Interlaced only: all rows, and where each begins.
    uint8_t *picture;
    png_bytepp rows;
    char message[256];
};

static void set_message(char *message, const char *text) { snprintf(message, 256, "%s", text); }

static void on_error(png_structp png, png_const_charp text) {
    swiftlet_png_reader *reader = png_get_error_ptr(png);
    set_message(reader->message, text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

// The bytes read, from memory or file; fewer than asked at the end.
static size_t take(swiftlet_png_reader *reader, uint8_t *into, size_t count) {
    size_t got;
    if (reader->file) {
        got = fread(into, 1, count, reader->file);
    } else {
        size_t left = reader->count - reader->position;
        got = count < left ? count : left;
        if (got) memcpy(into, reader->bytes + reader->position, got);
    }
    reader->position += got;
    return got;
}

static void on_read(png_structp png, png_bytep into, size_t count) {
    swiftlet_png_reader *reader = png_get_io_ptr(png);
    char text[96];
    if (count > reader->byte_limit - reader->position) {
        snprintf(text, sizeof text, "more than %zu bytes, the most that is read", reader->byte_limit);
        png_error(png, text);
    }
    if (take(reader, into, count) < count) {
        if (reader->file && ferror(reader->file)) {
            snprintf(text, sizeof text, "reading failed after %zu bytes", reader->position);
        } else {
            snprintf(text, sizeof text, "it ends after %zu bytes", reader->position);
        }
        png_error(png, text);
    }
}

swiftlet_png_reader *swiftlet_png_reader_create(size_t byte_limit) {
    swiftlet_png_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return NULL;
    reader->byte_limit = byte_limit;
    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, on_error, on_warning);
    reader->info = reader->png ? png_create_info_struct(reader->png) : NULL;
    if (!reader->info) {
        swiftlet_png_reader_destroy(reader);
        return NULL;
    }
    return reader;
}

void swiftlet_png_reader_destroy(swiftlet_png_reader *reader) {
    if (!reader) return;
    if (reader->png) png_destroy_read_struct(&reader->png, &reader->info, NULL);
    if (reader->file && reader->owns_file) fclose(reader->file);
    free(reader->picture);
    free(reader->rows);
    free(reader);
}

const char *swiftlet_png_reader_message(const swiftlet_png_reader *reader) { return reader->message; }

size_t swiftlet_png_reader_signature(const swiftlet_png_reader *reader, uint8_t signature[8]) {
    memcpy(signature, reader->signature, 8);
    return reader->signature_count;
}

int swiftlet_png_reader_open(swiftlet_png_reader *reader, const char *path) {
    reader->file = path ? fopen(path, "rb") : stdin;
    reader->owns_file = path != NULL;
    if (!reader->file) set_message(reader->message, strerror(errno));
    return reader->file != NULL;
}

void swiftlet_png_reader_set_bytes(swiftlet_png_reader *reader, const uint8_t *bytes, size_t count) {
    reader->bytes = bytes;
    reader->count = count;
}

int swiftlet_png_reader_read_header(swiftlet_png_reader *reader, swiftlet_png_header *header) {
    png_structp png = reader->png;
    reader->signature_count = take(reader, reader->signature, 8);
    if (reader->signature_count < 8 || png_sig_cmp(reader->signature, 0, 8)) {
        set_message(reader->message, "not a PNG file");
        return 0;
    }
    if (setjmp(png_jmpbuf(png))) return 0;
    png_set_read_fn(png, reader, on_read);
    png_set_sig_bytes(png, 8);
    // The caller judges the size, with its own numbers.
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    // Text, colour profiles, gamma and the like are passed over unread: they change no pixel here.
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_read_info(png, reader->info);

    int type = png_get_color_type(png, reader->info);
    header->width = png_get_image_width(png, reader->info);
    header->height = png_get_image_height(png, reader->info);
    header->channels = (type & PNG_COLOR_MASK_COLOR) ? 3 : 1;
    header->interlaced = png_get_interlace_type(png, reader->info) != PNG_INTERLACE_NONE;
    reader->height = header->height;
    reader->interlaced = (int)header->interlaced;
    reader->row_bytes = (size_t)header->width * header->channels;

    if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    return 1;
}

// Allocates what decoding needs; the first read_row comes here.
static int start(swiftlet_png_reader *reader) {
    if (setjmp(png_jmpbuf(reader->png))) return 0;
    if (reader->interlaced) png_set_interlace_handling(reader->png);
    png_read_update_info(reader->png, reader->info);
    if (png_get_rowbytes(reader->png, reader->info) != reader->row_bytes) {
        png_error(reader->png, "rows of an unexpected size");
    }
    if (!reader->interlaced) return 1;
    reader->picture = calloc(reader->height, reader->row_bytes);
    reader->rows = calloc(reader->height, sizeof *reader->rows);
    if (!reader->picture || !reader->rows) png_error(reader->png, "no memory for the interlaced picture");
    for (uint32_t y = 0; y < reader->height; y++) reader->rows[y] = reader->picture + y * reader->row_bytes;
    png_read_image(reader->png, reader->rows);
    return 1;
}

int swiftlet_png_reader_read_row(swiftlet_png_reader *reader, uint8_t *row) {
    if (reader->next_row >= reader->height) {
        set_message(reader->message, "there are no more rows");
        return 0;
    }
    if (reader->next_row == 0 && !start(reader)) return 0;
    if (reader->interlaced) {
        memcpy(row, reader->rows[reader->next_row], reader->row_bytes);
    } else {
        if (setjmp(png_jmpbuf(reader->png))) return 0;
        png_read_row(reader->png, row, NULL);
    }
    reader->next_row++;
    return 1;
}

int swiftlet_png_reader_finish(swiftlet_png_reader *reader) {
    if (setjmp(png_jmpbuf(reader->png))) return 0;
    png_read_end(reader->png, NULL);
    return 1;
}
