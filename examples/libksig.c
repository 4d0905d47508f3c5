// SPDX-License-Identifier: MIT
/* Prints each event as one line: cc libksig.c $(pkg-config --cflags --libs libksig) */
#include <stdio.h>
#include <ksig/libksig.h>

int main(int argc, char **argv)
{
	char line[256] = "";
	struct ksig_sub_opts opts = { sizeof(opts), .err = line, .err_size = 256 };
	const struct ksig_event *ev;
	struct ksig_sub *sub;

	if (ksig_sub_open(argc > 1 ? argv[1] : "net.up", &opts, &sub))
		return fprintf(stderr, "%s\n", line), 1;
	while (ksig_sub_next(sub, -1, &ev) == 1) {
		ksig_event_format(sub, ev, line, sizeof(line));
		dprintf(1, "%s\n", line);
	}
}
