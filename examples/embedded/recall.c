/* Repairs a damaged picture by others that it resembles: a Hopfield network, whose program has a
 * loop and takes pictures of any size, in a C program without Tilewright.
 *
 *     recall DAMAGED MEMORY...
 *
 * A picture is a text of lines of '#' and '.'; all have as many. The repaired one is printed.
 */

#include <stdio.h>
#include <stdlib.h>

#include "recall.h"

#define MOST_PIXELS 4096
#define MOST_ROUNDS 100

/* Reads the pixels of a picture, 1 or -1 each; returns how many, or -1. */
static int read_pixels(const char *path, float *pixels, int *width)
{
    FILE *file = fopen(path, "r");
    int sign, count = 0;

    if (file == NULL)
        return -1;
    while ((sign = fgetc(file)) != EOF) {
        if (sign == '\n' && *width == 0)
            *width = count;
        if ((sign == '#' || sign == '.') && count < MOST_PIXELS)
            pixels[count++] = sign == '#' ? 1.0f : -1.0f;
    }
    fclose(file);
    return count;
}

/* Calls the network with ever more memory until it is enough. */
static int32_t recall(const float *memories, int count, const float *picture, int pixels,
                      float *repaired, int32_t *rounds)
{
    size_t bytes = RECALL_LEAST_WORKSPACE_BYTES;
    int64_t sizes[RECALL_OUTPUT0_RANK];
    int32_t most = MOST_ROUNDS, status;
    void *workspace;

    do {
        bytes = (2 * bytes + RECALL_ALIGNMENT - 1) / RECALL_ALIGNMENT * RECALL_ALIGNMENT;
        workspace = aligned_alloc(RECALL_ALIGNMENT, bytes);
        if (workspace == NULL)
            return RECALL_HEAP_FULL;
        status = recall_run(memories, count, pixels, picture, pixels, &most, repaired, pixels,
                            sizes, rounds, workspace, bytes);
        free(workspace);
    } while (status == RECALL_HEAP_FULL);
    return status;
}

int main(int arguments, char **paths)
{
    static float picture[MOST_PIXELS], repaired[MOST_PIXELS];
    int count = arguments - 2, pixels, width = 0, other = 0, number;
    int32_t status, rounds;
    float *memories;

    if (count < 1 || (pixels = read_pixels(paths[1], picture, &width)) <= 0) {
        fprintf(stderr, "usage: recall DAMAGED MEMORY...\n");
        return 1;
    }
    memories = malloc((size_t)count * MOST_PIXELS * sizeof *memories);
    if (memories == NULL)
        return 1;
    for (number = 0; number < count; ++number) {
        if (read_pixels(paths[2 + number], memories + number * pixels, &other) != pixels) {
            fprintf(stderr, "%s: not a picture of %d pixels\n", paths[2 + number], pixels);
            return 1;
        }
    }
    status = recall(memories, count, picture, pixels, repaired, &rounds);
    free(memories);
    if (status != RECALL_DONE) {
        fprintf(stderr, "recall_run returned %d\n", (int)status);
        return 1;
    }
    for (number = 0; number < pixels; ++number) {
        putchar(repaired[number] > 0 ? '#' : '.');
        if ((number + 1) % width == 0)
            putchar('\n');
    }
    printf("after %d rounds\n", (int)rounds);
    return 0;
}
