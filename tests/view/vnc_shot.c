/*
 * vnc_shot.c - a VNC client by libvncclient: waits until no more of the picture comes and writes it as PPM.
 *
 *      vnc_shot PORT FILE [WIDTH HEIGHT]      asks for that desktop size too
 *
 * Prints "NAME\nWxH\n".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rfb/rfbclient.h>

enum { WAIT_US = 100000, WAIT_COUNT_MAX = 30 };

static void
quiet(const char *format, ...)
{
    (void)format;
}

static void
write_ppm(const rfbClient *client, FILE *file)
{
    (void)fprintf(file, "P6\n%d %d\n255\n", client->width, client->height);
    size_t count = (size_t)client->width * (size_t)client->height;
    for (size_t i = 0; i < count; i++) {
        uint32_t pixel;
        memcpy(&pixel, client->frameBuffer + i * 4, sizeof(pixel));
        const unsigned char rgb[3] = { (unsigned char)(pixel >> 16), (unsigned char)(pixel >> 8),
                                       (unsigned char)pixel };
        (void)fwrite(rgb, 1, sizeof(rgb), file);
    }
}

/* Until nothing has come for a while: then all of the picture is here. */
static rfbBool
settle(rfbClient *client)
{
    for (unsigned i = 0; i < WAIT_COUNT_MAX; i++) {
        int ready = WaitForMessage(client, WAIT_US);
        if (ready < 0 || (ready > 0 && !HandleRFBServerMessage(client))) {
            return FALSE;
        }
        if (ready == 0 && i > 1) {
            return TRUE;
        }
    }
    return TRUE;
}

int
main(int argc, char **argv)
{
    rfbClient *client = rfbGetClient(8, 3, 4);
    if (argc < 3 || client == NULL) {
        return 2;
    }
    rfbClientLog = quiet;
    client->format.redShift = 16;
    client->format.greenShift = 8;
    client->format.blueShift = 0;
    client->serverHost = strdup("127.0.0.1");
    client->serverPort = (int)strtol(argv[1], NULL, 10);
    client->canHandleNewFBSize = TRUE;
    client->appData.encodingsString = "raw";
    if (!rfbInitClient(client, NULL, NULL)) {
        (void)fputs("vnc_shot: cannot connect\n", stderr);
        return 1; /* the library has freed it */
    }
    /* The server says first whether it can be asked for a size. */
    if (argc > 4 && settle(client)) {
        (void)SendExtDesktopSize(client, (uint16_t)strtol(argv[3], NULL, 10),
                                 (uint16_t)strtol(argv[4], NULL, 10));
    }
    FILE *file = settle(client) ? fopen(argv[2], "wb") : NULL;
    if (file == NULL) {
        (void)fputs("vnc_shot: no picture\n", stderr);
        return 1;
    }
    write_ppm(client, file);
    (void)fclose(file);
    (void)printf("%s\n%dx%d\n", client->desktopName, client->width, client->height);
    rfbClientCleanup(client);
    return 0;
}
