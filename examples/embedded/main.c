/* Tells which digit a picture shows: a network in a C program, without Tilewright and malloc.
 *
 *     digits PICTURE.pgm...
 *
 * A picture is a PGM file (P2, text) of 8 x 8 pixels, 0 to 16. For each, one line: its name, the
 * digit, and how sure the network is of each of the ten.
 */

#include <stdalign.h>
#include <stdio.h>

#include "digits.h"

#define SIDE 8

/* What all calls of one thread share. */
static alignas(DIGITS_ALIGNMENT) unsigned char workspace[DIGITS_WORKSPACE_BYTES];

/* Reads a picture; returns 0 if it is one. */
static int read_picture(const char *path, float pixels[DIGITS_IMAGE_ELEMENTS])
{
    int width, height, most, value, pixel;
    FILE *file = fopen(path, "r");

    if (file == NULL)
        return -1;
    if (fscanf(file, "P2 %d %d %d", &width, &height, &most) != 3 || width != SIDE ||
        height != SIDE || most <= 0) {
        fclose(file);
        return -1;
    }
    for (pixel = 0; pixel < DIGITS_IMAGE_ELEMENTS; ++pixel) {
        if (fscanf(file, "%d", &value) != 1) {
            fclose(file);
            return -1;
        }
        pixels[pixel] = (float)value / (float)most;
    }
    fclose(file);
    return 0;
}

int main(int count, char **paths)
{
    float pixels[DIGITS_IMAGE_ELEMENTS], logits[DIGITS_LOGITS_REAL_ELEMENTS];
    int argument, digit, best;
    int32_t status;

    for (argument = 1; argument < count; ++argument) {
        if (read_picture(paths[argument], pixels) != 0) {
            fprintf(stderr, "%s: no PGM file (P2) of %d x %d pixels\n", paths[argument], SIDE, SIDE);
            return 1;
        }
        status = digits_run(pixels, logits, workspace);
        if (status != DIGITS_DONE) {
            fprintf(stderr, "digits_run returned %d\n", (int)status);
            return 1;
        }
        best = 0;
        for (digit = 1; digit < DIGITS_LOGITS_REAL_ELEMENTS; ++digit)
            if (logits[digit] > logits[best])
                best = digit;
        printf("%s: %d (", paths[argument], best);
        for (digit = 0; digit < DIGITS_LOGITS_REAL_ELEMENTS; ++digit)
            printf("%s%.6g", digit > 0 ? " " : "", (double)logits[digit]);
        printf(")\n");
    }
    return 0;
}
