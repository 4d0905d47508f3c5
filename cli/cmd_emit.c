// SPDX-License-Identifier: MIT
/* ksig emit: emits an event on the channel 'test'. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define NODE "/dev/ksig/test"

static const char help[] =
"Usage: ksig emit [OPTIONS] VALUE\n"
"Emit an event with VALUE on the channel 'test'.\n"
"\n"
"Examples:\n"
"  ksig emit 42\n"
"  exec 5<>/dev/ksig/test; ksig emit 42; ksig status\n"
"\n"
"      --json         print what was emitted as one JSON object\n"
"  -h, --help         print this text\n"
"\n"
"VALUE is a 64-bit number: decimal, hexadecimal with 0x, or negative (after\n"
"\"--\"). Every subscription of /dev/ksig/test is offered the event; it is not an\n"
"error if there are none. Requires write access to /dev/ksig/test, as root has.\n"
"\n"
"JSON keys: channel, value (strings; the value as a signed decimal number).\n"
"\n"
"Exit status: 0 emitted, 1 failed, 2 usage, 5 ksig.ko is not loaded.\n";

static int emit_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	bool json = false;
	uint64_t value;
	int opt, fd, ret;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			json = true;
			break;
		case 'h':
			return ksig_help(&ksig_cmd_emit);
		default:
			return ksig_usage(&ksig_cmd_emit, isdigit(optopt) ?
					  "a negative VALUE must follow '--'" : NULL);
		}
	}

	argc -= optind;
	argv += optind;
	if (argc != 1)
		return ksig_usage(&ksig_cmd_emit,
				  argc ? "too many arguments: '%s'" : "missing VALUE",
				  argc ? argv[1] : "");
	if (ksig_parse_value(argv[0], &value))
		return ksig_bad_value(argv[0]);

	ret = ksig_node_open(NODE, O_WRONLY, &fd);
	if (ret)
		return ret;
	if (write(fd, &value, sizeof(value)) != sizeof(value)) {
		ksig_error("cannot write to " NODE ": %s", strerror(errno));
		ret = KSIG_FAILED;
	}
	close(fd);
	if (!ret && json)
		printf("{\"channel\":\"test\",\"value\":\"%" PRId64 "\"}\n",
		       (int64_t)value);
	return ret;
}

const struct ksig_command ksig_cmd_emit = {
	.name = "emit",
	.summary = "emit an event on the channel 'test'",
	.help = help,
	.run = emit_run,
};
