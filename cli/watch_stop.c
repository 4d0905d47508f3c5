// SPDX-License-Identifier: MIT
/*
 * ksig watch: an orderly end by INT, TERM or HUP.
 *
 * Events that were acted on may not have been printed yet, and losses may not have
 * been reported. So the first such signal only makes the loop end; the watch then
 * ends by that signal. If its output is blocked, that is after STOP_SECONDS at the
 * latest, and a second signal ends it at once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cli.h"
#include "watch.h"

#define STOP_SECONDS 5

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
static volatile sig_atomic_t stopped;
static int event_fd = -1;

/* SA_RESETHAND: the default action is back. */
static void give_up(int signo)
{
	(void)signo;
	raise(stopped);
}

static void stop_on_signal(int signo)
{
	const struct sigaction action = { .sa_handler = give_up };
	const uint64_t one = 1;
	int err = errno;

	stopped = signo;
	sigaction(SIGALRM, &action, NULL);
	alarm(STOP_SECONDS);
	/* it fails only where the descriptor is readable already */
	(void)!write(event_fd, &one, sizeof(one));
	errno = err;
}

int ksig_stop_catch(void)
{
	/* what is being written is written to the end */
	const struct sigaction action = {
		.sa_handler = stop_on_signal, .sa_flags = SA_RESTART | SA_RESETHAND,
	};
	struct sigaction old;
	size_t i;

	event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (event_fd < 0) {
		ksig_error("cannot wait for signals: %s", strerror(errno));
		return KSIG_FAILED;
	}
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		/* nohup(1) and shells have it ignored */
		if (!sigaction(signals[i], NULL, &old) &&
		    old.sa_handler == SIG_DFL)
			sigaction(signals[i], &action, NULL);
	}
	return KSIG_DONE;
}

int ksig_stop_fd(void)
{
	return event_fd;
}

bool ksig_stop_wanted(void)
{
	return stopped;
}

void ksig_stop_now(void)
{
	if (!stopped)
		return;
	ksig_flush();
	raise(stopped);
}
