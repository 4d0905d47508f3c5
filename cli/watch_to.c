// SPDX-License-Identifier: MIT
/*
 * ksig watch --to: the target.
 *
 * This command sends the signals itself, one for each event, following the rules of the library's
 * relay (see ksig_target_deliver()). The module could send them, but -n, --every and the line
 * printed for each event require the events to be read here. The target is pinned by a pidfd,
 * because a pid passed to the kernel for each signal could be reused by another process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "unit.h"
#include "watch.h"

int ksig_to_parse(const char *text, struct ksig_to *to)
{
	to->text = text;
	to->name = NULL;
	if (!strcmp(text, "subject")) {
		to->kind = KSIG_TO_SUBJECT;
	} else if (!strncmp(text, "pidfile:", 8)) {
		to->kind = KSIG_TO_PIDFILE;
		to->name = text + 8;
	} else if (!strncmp(text, "unit:", 5)) {
		to->kind = KSIG_TO_UNIT;
		to->name = text + 5;
	} else {
		to->kind = KSIG_TO_PID;
		if (!ksig_parse_pid(text, &to->pid))
			return KSIG_DONE;
	}
	if (to->kind == KSIG_TO_SUBJECT || (to->name && *to->name))
		return KSIG_DONE;
	ksig_error("invalid target '%s': expected a pid, pidfile:PATH, unit:NAME or subject",
		   text);
	return KSIG_USAGE;
}

/* ------------------------------------------------------------------- pinning */

/*
 * These signals make a process reload or report something. They kill a process that does not handle
 * them, which is rarely intended. TERM and similar signals are meant to end the process.
 */
bool ksig_to_careful(const struct ksig_to *to)
{
	return !to->force && (to->signo == SIGHUP || to->signo == SIGUSR1 ||
			      to->signo == SIGUSR2);
}

static unsigned int send_flags(const struct ksig_to *to)
{
	return KSIG_SEND_PROCESS | (ksig_to_careful(to) ? KSIG_SEND_READY : 0);
}

static int pin(const struct ksig_to *to, pid_t pid, struct ksig_target **res)
{
	struct ksig_target_opts opts = {
		.sz = sizeof(opts),
		.pid = pid,
		.pidfd = -1,
		.signo = to->signo,
		.flags = send_flags(to),
	};

	return ksig_target_open(&opts, res);
}

static bool has_exited(const struct ksig_target *target)
{
	struct pollfd p = { .fd = ksig_target_fd(target), .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* ---------------------------------------------------------------------- units */

static void drop_candidate(struct ksig_to *to)
{
	ksig_target_close(to->candidate);
	to->candidate = NULL;
}

/*
 * A pid can be reused between systemd's reply and the pinning of the process. A pinned process is
 * therefore accepted only if the reply to a later query contains the same pid.
 *
 * Return: 0; or -errno if the process cannot be pinned.
 */
static int take_answer(struct ksig_to *to)
{
	pid_t pid = ksig_unit_main_pid(to->unit);
	int err;

	if (to->candidate && pid == to->candidate_pid) {
		ksig_target_close(to->target);
		to->target = to->candidate;
		to->candidate = NULL;
		if (pid != to->pid)
			ksig_note("'%s' is process %d now", to->name, pid);
		to->pid = pid;
		return 0;
	}
	drop_candidate(to);
	if (!pid || (to->target && pid == to->pid && !has_exited(to->target)))
		return 0;
	err = pin(to, pid, &to->candidate);
	/* for -ESRCH, systemd will report another pid once it notices the exit */
	if (err && err != -ESRCH)
		ksig_note("'%s' is process %d now, which can't be signalled: %s",
			  to->name, pid, strerror(-err));
	if (err)
		return err;
	to->candidate_pid = pid;
	ksig_unit_ask(to->unit);
	return 0;
}

static void follow_unit(struct ksig_to *to)
{
	while (ksig_unit_process(to->unit))
		take_answer(to);
}

/*
 * Waits for the reply that may provide a target.
 * Return: whether there is a target.
 */
static bool await_unit(struct ksig_to *to)
{
	if (!to->unit)
		return false;
	follow_unit(to);
	while (!to->target && ksig_unit_is_asking(to->unit) &&
	       !ksig_stop_wanted()) {
		ksig_unit_wait(to->unit);
		follow_unit(to);
	}
	return to->target;
}

static int open_unit(struct ksig_to *to, int *err)
{
	int ret = ksig_unit_open(to->name, &to->unit);

	if (ret)
		return ret;
	to->pid = ksig_unit_main_pid(to->unit);
	*err = take_answer(to);
	if (!*err && !await_unit(to))
		*err = -ESRCH;
	return KSIG_DONE;
}

static int explain(const struct ksig_to *to, int err)
{
	char name[KSIG_SIGNAME_MAX];

	ksig_signal_name(to->signo, name);
	switch (err) {
	case -ESRCH:
		ksig_error("no process %d", to->pid);
		return KSIG_TARGET_GONE;
	case -EPERM:
		ksig_error("not permitted to signal process %d", to->pid);
		return KSIG_FAILED;
	case -ECONNREFUSED:
		ksig_error("process %d has no handler for %s and would be killed; use --force to send it anyway",
			   to->pid, name);
		return KSIG_FAILED;
	case -EACCES:
		ksig_error("process %d may be waiting for %s or be killed by it, and you are not permitted to see which (prctl(2), PR_SET_DUMPABLE; kernel.yama.ptrace_scope), or a security module forbids the signal; use --force to send it without checking",
			   to->pid, name);
		return KSIG_FAILED;
	case -EOPNOTSUPP:
		ksig_error("cannot check whether process %d is ready for %s: /proc is not mounted, belongs to another pid namespace, or hides it (hidepid)",
			   to->pid, name);
		return KSIG_NOT_HERE;
	}
	ksig_error("cannot signal process %d: %s", to->pid, strerror(-err));
	return KSIG_FAILED;
}

int ksig_to_open(struct ksig_to *to)
{
	int ret = KSIG_DONE, err = 0;
	struct ksig_pidfile file;

	if (to->kind == KSIG_TO_SUBJECT)
		return KSIG_DONE;
	if (to->kind == KSIG_TO_PIDFILE)
		ret = ksig_pidfile_read(to->name, &to->pid, &file);
	else if (to->kind == KSIG_TO_UNIT)
		ret = open_unit(to, &err);
	if (ret)
		return ret;
	if (to->kind != KSIG_TO_UNIT)
		err = pin(to, to->pid, &to->target);
	if (!err && to->kind == KSIG_TO_PIDFILE) {
		ret = ksig_pidfile_check(to->name, &file, to->pid);
		/*
		 * the check read /proc by pid, so its result is valid only if the process has not
		 * exited
		 */
		if (has_exited(to->target))
			err = -ESRCH;
		else if (ret)
			return ret;
	}
	if (!err && ksig_to_careful(to))
		err = ksig_target_ready(to->target);
	if (err)
		return explain(to, err);
	if (ksig_to_careful(to))
		ksig_runtime_warn(to->pid, to->signo);
	return KSIG_DONE;
}

static void unpin(struct ksig_to *to)
{
	ksig_target_close(to->target);
	to->target = NULL;
}

void ksig_to_close(struct ksig_to *to)
{
	unpin(to);
	drop_candidate(to);
	ksig_unit_close(to->unit);
	to->unit = NULL;
}

int64_t ksig_to_poll(const struct ksig_to *to, struct pollfd *fds)
{
	fds[0].fd = to->target && to->kind != KSIG_TO_SUBJECT ?
		    ksig_target_fd(to->target) : -1;
	fds[0].events = POLLIN;
	fds[1].fd = -1;
	return to->unit ? ksig_unit_poll(to->unit, &fds[1]) : INT64_MAX;
}

bool ksig_to_follow(struct ksig_to *to)
{
	if (to->target && has_exited(to->target))
		unpin(to);
	if (to->unit)
		follow_unit(to);
	return to->target;
}

/* ------------------------------------------------------------------ signalling */

bool ksig_subject_has_exited(const char *event)
{
	return !strcmp(event, "process.exit") || !strcmp(event, "process.crash");
}

/* Pins the subject of the event, but never another process that has reused its pid. */
static int pin_subject(struct ksig_to *to, const struct ksig_sub *sub,
		       const struct ksig_event *ev)
{
	struct ksig_target_opts opts = {
		.sz = sizeof(opts),
		.pidfd = -1,
		.signo = to->signo,
		.flags = send_flags(to),
	};

	/* already pinned for this event, which is being retried */
	if (to->target)
		return 0;
	to->pid = 0;
	if (ev->flags & KSIG_EVENT_NO_SUBJECT || !ev->subject ||
	    ev->subject > INT_MAX)
		return -ESRCH;
	to->pid = ev->subject;
	/* the process may still exist, and kill(2) may succeed, but it handles no signals */
	if (ksig_subject_has_exited(ksig_sub_event(sub, ksig_event_spec(ev))))
		return -ESRCH;
	return ksig_target_open_subject(sub, ev, &opts, &to->target);
}

int ksig_to_send(struct ksig_to *to, const struct ksig_sub *sub,
		 const struct ksig_event *ev, uint64_t value)
{
	int err = 0;

	/* the kernel itself has sent or refused the signal */
	if (ev->flags & (KSIG_EVENT_SIGNALLED | KSIG_EVENT_REFUSED)) {
		to->pid = ev->flags & KSIG_EVENT_NO_SUBJECT ? 0 : ev->subject;
		return ev->flags & KSIG_EVENT_SIGNALLED ? 0 : -ECONNREFUSED;
	}
	if (to->kind == KSIG_TO_SUBJECT)
		err = pin_subject(to, sub, ev);
	else if (!to->target && !await_unit(to))
		err = -ESRCH;
	if (!err)
		err = ksig_target_deliver(to->target, &to->unreported_lost,
					  value);
	/* nothing was sent, so retry if the unit already has a new process */
	if (err == -ESRCH && to->unit && to->target) {
		unpin(to);
		if (await_unit(to))
			err = ksig_target_deliver(to->target,
						  &to->unreported_lost, value);
	}
	if (err != -EAGAIN && to->kind == KSIG_TO_SUBJECT)
		unpin(to);
	return err;
}

const char *ksig_to_outcome(int err)
{
	switch (err) {
	case 0:
		return "";
	case -ESRCH:
		return "gone";
	case -ESTALE:
		return "uncertain";
	case -EPERM:
		return "not permitted";
	case -EACCES:
	case -ECONNREFUSED:
		return "refused";
	}
	return "failed";
}
