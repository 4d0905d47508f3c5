// SPDX-License-Identifier: MIT
/* The ksig command. Each subcommand has a source file cmd_NAME.c. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ksig/version.h>

#include "cli.h"

static const struct ksig_command *const commands[] = {
	&ksig_cmd_listen,
	&ksig_cmd_send,
	&ksig_cmd_watch,
	&ksig_cmd_events,
	&ksig_cmd_emit,
	&ksig_cmd_status,
	&ksig_cmd_doctor,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static bool quiet;

static void print_message(const char *fmt, va_list ap)
{
	fputs("ksig: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void ksig_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_message(fmt, ap);
	va_end(ap);
}

void ksig_note(const char *fmt, ...)
{
	va_list ap;

	if (quiet)
		return;
	va_start(ap, fmt);
	print_message(fmt, ap);
	va_end(ap);
}

void ksig_be_quiet(void)
{
	quiet = true;
}

bool ksig_is_quiet(void)
{
	return quiet;
}

int ksig_help(const struct ksig_command *cmd)
{
	fputs(cmd->help, stdout);
	return KSIG_DONE;
}

int ksig_bad_signo(const char *s)
{
	ksig_error("invalid signal '%s': expected a number from 1 to 64, or a name "
		   "like USR1 or RTMIN+10", s);
	return KSIG_USAGE;
}

int ksig_bad_value(const char *s)
{
	ksig_error("invalid value '%s': expected a decimal, negative or 0x number of "
		   "64 bits", s);
	return KSIG_USAGE;
}

/* Reports a full disk or a closed pipe as a failure. */
int ksig_flush(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return KSIG_DONE;
	ksig_error("cannot write: %s", strerror(errno));
	return KSIG_FAILED;
}

int ksig_usage(const struct ksig_command *cmd, const char *fmt, ...)
{
	va_list ap;

	if (fmt) {
		va_start(ap, fmt);
		print_message(fmt, ap);
		va_end(ap);
	}
	fprintf(stderr, "Try 'ksig %s --help'.\n", cmd->name);
	return KSIG_USAGE;
}

static void print_overview(FILE *out)
{
	size_t i;

	fputs("Usage: ksig COMMAND [ARGUMENTS]\n"
	      "Run a command or signal a process when something happens in the Linux kernel.\n"
	      "\nCommands:\n", out);
	for (i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i]->name,
			commands[i]->summary);
	fputs("\n'ksig COMMAND --help' describes a command, "
	      "ksig(1) has the details.\n"
	      "\nExit status: 0 done, 1 failed, 2 usage, 3 timed out, "
	      "4 target gone,\n5 not available here.\n", out);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	char full_name[32];
	size_t i;
	int fd, ret;

	/*
	 * If a standard descriptor is closed, the next file to be opened would get its number and
	 * could receive our output. Open /dev/null in its place, in a mode in which reading from
	 * stdin and writing to stdout and stderr fails.
	 */
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
			ksig_error("a standard descriptor is closed, and /dev/null cannot be opened: %s",
				   strerror(errno));
			return KSIG_FAILED;
		}
	}
	/*
	 * restore the default, because an inherited SIG_IGN would discard the exit status of
	 * children
	 */
	signal(SIGCHLD, SIG_DFL);
	/* write each line as a whole */
	setvbuf(stderr, NULL, _IOLBF, BUFSIZ);

	if (!name) {
		print_overview(stderr);
		return KSIG_USAGE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
		print_overview(stdout);
		return ksig_flush();
	}
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		puts("ksig " KSIG_VERSION);
		return ksig_flush();
	}
	for (i = 0; i < N_COMMANDS; i++) {
		if (strcmp(name, commands[i]->name))
			continue;
		/* getopt_long() prefixes its messages with argv[0] */
		snprintf(full_name, sizeof(full_name), "ksig %s", name);
		argv[1] = full_name;
		ret = commands[i]->run(argc - 1, argv + 1);
		return ret ? ret : ksig_flush();
	}
	ksig_error("unknown command '%s'", name);
	fputs("Try 'ksig --help'.\n", stderr);
	return KSIG_USAGE;
}
