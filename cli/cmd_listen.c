// SPDX-License-Identifier: MIT
/* ksig listen: waits for signals and prints their values. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ksig/uapi.h>

#include "cli.h"

static const char help[] =
"Usage: ksig listen [OPTIONS]\n"
"Wait for signals and print the value that each one carries.\n"
"\n"
"Examples:\n"
"  ksig listen -n1 --ask\n"
"  ksig listen -s RTMIN+10 --json\n"
"\n"
"  -s, --signal SIG   signal name or number (default 44, as in the tutorial)\n"
"  -n, --count N      exit after N signals (default: run until killed)\n"
"      --ask          send this process one signal, as 'ksig send' does\n"
"      --json         print one JSON object per line\n"
"  -h, --help         print this text\n"
"\n"
"The pid to signal is printed on standard error. A line is 'received value 1234';\n"
"after a loss it ends in ', 3 lost before'. Signals from kill(2) have no value.\n"
"\n"
"JSON keys: signo, code (si_code), error (si_errno; if greater than 0, number of\n"
"events lost before this one), value (a string; null if there is none).\n"
"\n"
"Exit status: 0 N signals received, 1 failed, 2 usage, 5 cannot send (--ask).\n";

struct listen {
	int signo;
	uint64_t count;	/* 0 for no limit */
	bool ask;
	bool json;
};

/* Blocks the signal before waiting, so that none is missed and none kills this process. */
static int listen_for(const struct listen *l)
{
	bool has_value;
	uint64_t received;
	siginfo_t info;
	char value[32];
	const char *by;
	sigset_t set;
	int ret;

	sigemptyset(&set);
	if (sigaddset(&set, l->signo) || l->signo == SIGKILL ||
	    l->signo == SIGSTOP) {
		ksig_error("signal %d cannot be waited for", l->signo);
		return KSIG_USAGE;
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	ksig_error("listening for signal %d as pid %d", l->signo, getpid());
	ret = l->ask ? ksig_send_now(getpid(), l->signo, KSIG_VALUE_DEFAULT, 0,
				     &by) : KSIG_DONE;

	for (received = 0; !ret && (!l->count || received < l->count); received++) {
		while (sigwaitinfo(&set, &info) < 0) {
			if (errno == EINTR)
				continue;
			ksig_error("cannot wait for signal %d: %s", l->signo,
				   strerror(errno));
			return KSIG_FAILED;
		}
		/*
		 * signals from the kernel and from kill(2) have no value, except signals sent by
		 * BPF programs
		 */
		has_value = info.si_code == SI_KERNEL ? info.si_signo >= 32 :
			    info.si_code < 0 && info.si_code != SI_TKILL;
		snprintf(value, sizeof(value), !has_value ? "null" :
			 l->json ? "\"%" PRId64 "\"" : "%" PRId64,
			 (int64_t)ksig_siginfo_value(&info));
		if (l->json)
			printf("{\"signo\":%d,\"code\":%d,\"error\":%d,\"value\":%s}\n",
			       info.si_signo, info.si_code, info.si_errno, value);
		else if (!has_value)
			puts("received no value");
		else if (info.si_errno > 0)
			printf("received value %s, %d lost before\n", value,
			       info.si_errno);
		else
			printf("received value %s\n", value);
		ret = ksig_flush();
	}
	return ret;
}

static int listen_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "signal", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'n' },
		{ "ask", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct listen l = { .signo = KSIG_SIGNO_DEFAULT };
	int opt;

	while ((opt = getopt_long(argc, argv, "s:n:h", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			if (ksig_parse_signo(optarg, &l.signo))
				return ksig_bad_signo(optarg);
			break;
		case 'n':
			if (ksig_parse_count(optarg, &l.count)) {
				ksig_error("invalid count '%s': expected 1 or more",
					   optarg);
				return KSIG_USAGE;
			}
			break;
		case 'a':
			l.ask = true;
			break;
		case 'j':
			l.json = true;
			break;
		case 'h':
			return ksig_help(&ksig_cmd_listen);
		default:
			return ksig_usage(&ksig_cmd_listen, NULL);
		}
	}
	if (optind < argc)
		return ksig_usage(&ksig_cmd_listen,
				  "unexpected argument '%s'", argv[optind]);
	return listen_for(&l);
}

const struct ksig_command ksig_cmd_listen = {
	.name = "listen",
	.summary = "print the value of each signal received",
	.help = help,
	.run = listen_run,
};
