// kejue-rules types: DIR/kejue.d.lua for lua-language-server, made from the fields that rules see.
#include "tool.h"

#include <stdio.h>
#include <string.h>

static const char k_help[] =
    "kejue-rules types [DIR]: writes DIR/kejue.d.lua (default DIR: scripts)\n"
    "\n"
    "With it lua-language-server completes c. and kejue. and names a field that does not exist.\n"
    "Type the argument of a function to profit: ---@param c kejue.c\n"
    "  -     instead of DIR: to standard output\n";

int tool_types(int count, char **words)
{
    const char *dir = count > 1 ? words[1] : "scripts";
    char path[1100];
    if (count > 2 || strcmp(dir, "--help") == 0) {
        fputs(k_help, count > 2 ? stderr : stdout);
        return count > 2 ? EXIT_USAGE : EXIT_GOOD;
    }
    bool screen = strcmp(dir, "-") == 0;
    struct kj_buf text;
    kj_buf_init(&text, 0);
    kj_script_types(&text);
    snprintf(path, sizeof path, "%s/kejue.d.lua", dir);
    FILE *file = screen ? stdout : fopen(path, "w");
    bool written = file && fwrite(text.data, 1, text.length, file) == text.length;
    if (file && !screen) {
        written = fclose(file) == 0 && written;
    }
    kj_buf_fini(&text);
    if (!written) {
        fprintf(stderr, "kejue-rules: %s cannot be written; name a folder of yours\n", path);
        return EXIT_USAGE;
    }
    if (!screen) {
        printf("%s written\n", path);
    }
    return EXIT_GOOD;
}
