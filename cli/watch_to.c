// SPDX-License-Identifier: MIT
/*
 * ksig watch --to: the target.
 *
 * The command delivers the signals itself, event by event, by the rules of the library's relay
 * (ksig_target_deliver()), though the module could: -n, --every and a printed line for each
 * event need the events here, and a number that is handed to the kernel each time could have
 * become another process's meanwhile. A pidfd can't.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "watch.h"

extern char **environ;

/* A unit that has no process is asked for again at most that often. */
#define ASK_NS 200000000
/* Time that an answer may take; nothing else is done meanwhile */
#define ANSWER_NS (5 * 1000000000LL)

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

/* ---------------------------------------------------------------- who is it? */

/* A number, and blanks around it. */
static int parse_pid_line(char *line, pid_t *pid)
{
	char *end = line + strlen(line);

	while (end > line && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*line))
		line++;
	return ksig_parse_pid(line, pid);
}

static bool is_readable(int fd, int64_t end)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left;

	do {
		left = end - ksig_clock_ns();
		if (poll(&p, 1, left > 0 ? left / 1000000 + 1 : 0) > 0)
			return true;
	} while (left > 0);
	return false;
}

/*
 * To the end, or who writes would be told that nobody reads.
 * Return: 0; -ETIMEDOUT
 */
static int read_all(int fd, char *line, size_t size)
{
	int64_t end = ksig_clock_ns() + ANSWER_NS;
	size_t used = 0;
	char rest[64];
	ssize_t len;

	do {
		if (!is_readable(fd, end))
			return -ETIMEDOUT;
		len = used < size - 1 ? read(fd, line + used, size - 1 - used) :
					read(fd, rest, sizeof(rest));
		if (len > 0 && used < size - 1)
			used += len;
	} while (len > 0 || (len < 0 && errno == EINTR));
	line[used] = '\0';
	return 0;
}

/* Without a shell, so any NAME will do. */
static int ask_systemctl(const char *unit, char *line, size_t size)
{
	char *argv[] = { "systemctl", "show", "-p", "MainPID", "--value", "--",
			 (char *)unit, NULL };
	const sigset_t *mask = ksig_children_mask();
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int fds[2], err, status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawnattr_init(&attr);
	if (mask) {
		posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
		posix_spawnattr_setsigmask(&attr, mask);
	}
	err = posix_spawnp(&pid, argv[0], &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (err) {
		close(fds[0]);
		return -err;
	}
	err = read_all(fds[0], line, size);
	close(fds[0]);
	/* our child, not waited for: the number is its */
	if (err)
		kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	if (err)
		return err;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

/* 0: the unit has no main process */
static int find_unit(struct ksig_to *to, pid_t *pid)
{
	char line[64];
	int err = ask_systemctl(to->name, line, sizeof(line));

	*pid = 0;
	if (!err && parse_pid_line(line, pid))
		*pid = 0;
	return err;
}

static int ask_unit(struct ksig_to *to)
{
	int err = find_unit(to, &to->pid);

	if (err == -ENOENT) {
		ksig_error("unit:%s needs systemctl, which is not installed",
			   to->name);
		return KSIG_NOT_HERE;
	}
	if (err) {
		ksig_error("systemctl cannot report the main process of '%s'%s",
			   to->name, err == -ETIMEDOUT ? ": no answer" : "");
		return KSIG_FAILED;
	}
	if (to->pid)
		return KSIG_DONE;
	ksig_error("the unit '%s' has no main process: is it running?",
		   to->name);
	return KSIG_TARGET_GONE;
}

/* ------------------------------------------------------------------- pinning */

/*
 * Signals that ask a process to reload or to report something, and kill one that doesn't
 * handle them, which is hardly intended; TERM and the like are sent to end it.
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

static int pin(struct ksig_to *to)
{
	struct ksig_target_opts opts = {
		.sz = sizeof(opts),
		.pid = to->pid,
		.pidfd = -1,
		.signo = to->signo,
		.flags = send_flags(to),
	};

	return ksig_target_open(&opts, &to->target);
}

/* The number may have become another's: it is the unit's if that says so still. */
static int pin_unit(struct ksig_to *to)
{
	int err = pin(to);
	pid_t pid;

	if (!err && (find_unit(to, &pid) || pid != to->pid)) {
		ksig_to_close(to);
		err = -ESRCH;
	}
	return err;
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
	int ret = KSIG_DONE, err;
	struct ksig_pidfile file;

	if (to->kind == KSIG_TO_SUBJECT)
		return KSIG_DONE;
	if (to->kind == KSIG_TO_PIDFILE)
		ret = ksig_pidfile_read(to->name, &to->pid, &file);
	else if (to->kind == KSIG_TO_UNIT)
		ret = ask_unit(to);
	if (ret)
		return ret;
	err = to->kind == KSIG_TO_UNIT ? pin_unit(to) : pin(to);
	if (!err && to->kind == KSIG_TO_PIDFILE) {
		ret = ksig_pidfile_check(to->name, &file, to->pid);
		/* /proc was about it, unless it has exited meanwhile */
		if (is_readable(ksig_target_fd(to->target), 0))
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

void ksig_to_close(struct ksig_to *to)
{
	ksig_target_close(to->target);
	to->target = NULL;
}

bool ksig_to_follow(struct ksig_to *to)
{
	pid_t pid;

	ksig_to_close(to);
	/* asking begins a process, which may be an event to send for again */
	if (to->kind != KSIG_TO_UNIT || ksig_clock_ns() < to->ask_again)
		return false;
	to->ask_again = ksig_clock_ns() + ASK_NS;
	if (find_unit(to, &pid) || !pid)
		return false;
	to->pid = pid;
	if (pin_unit(to))
		return false;
	ksig_note("'%s' is process %d now", to->name, pid);
	return true;
}

/* ------------------------------------------------------------------ signalling */

/* Never another process that has the event's number by now. */
static int pin_subject(struct ksig_to *to, const struct ksig_sub *sub,
		       const struct ksig_event *ev)
{
	struct ksig_target_opts opts = {
		.sz = sizeof(opts),
		.pidfd = -1,
		.signo = to->signo,
		.flags = send_flags(to),
	};

	/* pinned for this event already, which is tried again */
	if (to->target)
		return 0;
	to->pid = 0;
	if (ev->flags & KSIG_EVENT_NO_SUBJECT || !ev->subject ||
	    ev->subject > INT_MAX)
		return -ESRCH;
	to->pid = ev->subject;
	/* it may be there still, and kill(2) content, but takes nothing any more */
	if (!strcmp(ksig_sub_event(sub, ksig_event_spec(ev)), "process.exit"))
		return -ESRCH;
	return ksig_target_open_subject(sub, ev, &opts, &to->target);
}

/* The kernel has signalled the running process, or refused to. */
static int signalled_by_kernel(struct ksig_to *to, const struct ksig_event *ev)
{
	to->pid = ev->flags & KSIG_EVENT_NO_SUBJECT ? 0 : ev->subject;
	return ev->flags & KSIG_EVENT_SIGNALLED ? 0 : -ECONNREFUSED;
}

int ksig_to_send(struct ksig_to *to, const struct ksig_sub *sub,
		 const struct ksig_event *ev, uint64_t value)
{
	int err = 0;

	if (ev->flags & (KSIG_EVENT_SIGNALLED | KSIG_EVENT_REFUSED))
		return signalled_by_kernel(to, ev);
	if (to->kind == KSIG_TO_SUBJECT)
		err = pin_subject(to, sub, ev);
	else if (!to->target && !ksig_to_follow(to))
		err = -ESRCH;
	if (!err)
		err = ksig_target_deliver(to->target, &to->unreported_lost,
					  value);
	if (err != -EAGAIN && to->kind == KSIG_TO_SUBJECT)
		ksig_to_close(to);
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
