// SPDX-License-Identifier: MIT
/*
 * ksig watch: ends in an orderly way on INT, TERM or HUP.
 *
 * Some events that were acted on may not have been printed yet, and some losses may not have been
 * reported. The first signal therefore only ends the loop, and the process then kills itself with
 * the same signal. If output is blocked, the process kills itself after STOP_SECONDS at the latest.
 * A second signal kills the process immediately.
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

/* SA_RESETHAND has restored the default action, so this ends the process. */
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
	/* write() can fail only if the descriptor is already readable */
	(void)!write(event_fd, &one, sizeof(one));
	errno = err;
}

int ksig_stop_catch(void)
{
	/* SA_RESTART: a write in progress continues */
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
		/* nohup(1) and shells may have set the signal to be ignored */
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
