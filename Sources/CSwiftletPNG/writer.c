// Writing rows of 8-bit grey or colour.
#include "CSwiftletPNG.h"

#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct swiftlet_png_writer {
    png_structp png;
    png_infop info;
    FILE *file;
    char message[256];
};

static void on_error(png_structp png, png_const_charp text) {
    swiftlet_png_writer *writer = png_get_error_ptr(png);
    // libpng says "Write Error"; the system knows why.
    snprintf(writer->message, sizeof writer->message, "%s", errno ? strerror(errno) : text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

swiftlet_png_writer *swiftlet_png_writer_create(void) {
    swiftlet_png_writer *writer = calloc(1, sizeof *writer);
    if (!writer) return NULL;
    writer->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, writer, on_error, on_warning);
    writer->info = writer->png ? png_create_info_struct(writer->png) : NULL;
    if (!writer->info) {
        swiftlet_png_writer_destroy(writer);
        return NULL;
    }
    return writer;
}

void swiftlet_png_writer_destroy(swiftlet_png_writer *writer) {
    if (!writer) return;
    if (writer->png) png_destroy_write_struct(&writer->png, &writer->info);
    if (writer->file) fclose(writer->file);
    free(writer);
}

const char *swiftlet_png_writer_message(const swiftlet_png_writer *writer) { return writer->message; }

int swiftlet_png_writer_open(
    swiftlet_png_writer *writer, const char *path, uint32_t width, uint32_t height, uint32_t channels) {
    errno = 0;
    writer->file = fopen(path, "wb");
    if (!writer->file) {
        snprintf(writer->message, sizeof writer->message, "%s", strerror(errno));
        return 0;
    }
    if (setjmp(png_jmpbuf(writer->png))) return 0;
    png_set_user_limits(writer->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_init_io(writer->png, writer->file);
    png_set_IHDR(
        writer->png, writer->info, width, height, 8, channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
        PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(writer->png, writer->info);
    return 1;
}

int swiftlet_png_writer_write_row(swiftlet_png_writer *writer, const uint8_t *row) {
    errno = 0;
    if (setjmp(png_jmpbuf(writer->png))) return 0;
    png_write_row(writer->png, row);
    return 1;
}

int swiftlet_png_writer_finish(swiftlet_png_writer *writer) {
    errno = 0;
    if (setjmp(png_jmpbuf(writer->png))) return 0;
    png_write_end(writer->png, writer->info);
    FILE *file = writer->file;
    writer->file = NULL;
    if (fclose(file) != 0) {
        snprintf(writer->message, sizeof writer->message, "%s", strerror(errno));
        return 0;
    }
    return 1;
}
