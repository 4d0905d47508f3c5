// SPDX-License-Identifier: MIT
/* ksig send: sends a signal with a value. */
#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <ksig/libksig.h>

#include "cli.h"

static const char help[] =
"Usage: ksig send [OPTIONS] PID [VALUE]\n"
"Send a signal with a value to a thread or process.\n"
"\n"
"Examples:\n"
"  ksig send 812\n"
"  ksig send 812 0x1122334455667788 -s RTMIN+10\n"
"\n"
"  -s, --signal SIG   signal name or number (default 44, as in the tutorial)\n"
"  -p, --process      send to any thread of the process (default: thread PID)\n"
"      --by WAY       use only this way: module or caller\n"
"      --json         print what was sent as one JSON object\n"
"  -h, --help         print this text\n"
"\n"
"VALUE is a 64-bit number: decimal, hexadecimal with 0x, or negative (after\n"
"\"--\"); the default is 1234. A real-time signal is sent only to a process that\n"
"handles, blocks or waits for it, because it would be killed otherwise. You need\n"
"the permission that kill(2) requires.\n"
"\n"
"module sends with ksig.ko, through /dev/ksig/control, which only root can open.\n"
"caller sends with pidfd_send_signal(2); standard signals then carry no value,\n"
"and it fails if PID may be waiting in sigwaitinfo(2) and you are not permitted\n"
"to see for which signals. By default ksig uses the first way that is available\n"
"and permitted.\n"
"\n"
"JSON keys: pid, signo, value (a string; null if sent without one), process\n"
"(boolean), by (\"module\" or \"caller\").\n"
"\n"
"Exit status: 0 sent, 1 failed, 2 usage, 4 no such process, 5 not available\n"
"here.\n";

/* Arguments of ksig_send(), and the output format */
struct sending {
	pid_t pid;
	int signo;
	uint64_t value;
	unsigned int flags;
	bool json;
};

/* Return: -1 to continue, or an exit code. */
static int read_options(struct sending *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "signal", required_argument, NULL, 's' },
		{ "process", no_argument, NULL, 'p' },
		{ "by", required_argument, NULL, 'b' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "s:ph", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			if (ksig_parse_signo(optarg, &s->signo))
				return ksig_bad_signo(optarg);
			break;
		case 'p':
			s->flags |= KSIG_SEND_PROCESS;
			break;
		case 'b':
			if (ksig_parse_way(optarg, &s->flags)) {
				ksig_error("invalid way '%s': expected module or caller",
					   optarg);
				return KSIG_USAGE;
			}
			break;
		case 'j':
			s->json = true;
			break;
		case 'h':
			return ksig_help(&ksig_cmd_send);
		default:
			return ksig_usage(&ksig_cmd_send, isdigit(optopt) ?
					  "a negative VALUE must follow '--'" : NULL);
		}
	}
	return -1;
}

static int send_run(int argc, char **argv)
{
	struct sending s = {
		.signo = KSIG_SIGNO_DEFAULT, .value = KSIG_VALUE_DEFAULT,
	};
	int ret = read_options(&s, argc, argv);
	char value[32] = "null";
	const char *by;

	if (ret >= 0)
		return ret;
	argc -= optind;
	argv += optind;
	if (argc < 1 || argc > 2)
		return ksig_usage(&ksig_cmd_send,
				  argc ? "too many arguments: '%s'" : "missing PID",
				  argc ? argv[2] : "");
	if (ksig_parse_pid(argv[0], &s.pid)) {
		ksig_error("invalid pid '%s'", argv[0]);
		return KSIG_USAGE;
	}
	if (argv[1] && ksig_parse_value(argv[1], &s.value))
		return ksig_bad_value(argv[1]);

	ret = ksig_send_now(s.pid, s.signo, s.value, s.flags, &by);
	if (ret || !s.json)
		return ret;
	if (s.signo >= 32 || strcmp(by, "caller"))
		snprintf(value, sizeof(value), "\"%" PRId64 "\"",
			 (int64_t)s.value);
	printf("{\"pid\":%d,\"signo\":%d,\"value\":%s,\"process\":%s,\"by\":\"%s\"}\n",
	       s.pid, s.signo, value,
	       s.flags & KSIG_SEND_PROCESS ? "true" : "false", by);
	return KSIG_DONE;
}

const struct ksig_command ksig_cmd_send = {
	.name = "send",
	.summary = "have the kernel signal a process",
	.help = help,
	.run = send_run,
};
