// SPDX-License-Identifier: MIT
/*
 * memory.pressure: uses a PSI trigger. Settings: "some=STALL/WINDOW[,cgroup=PATH]", or "full"
 * instead of "some". The default is some=200ms/2s for the whole machine.
 *
 * poll(2) consumes the event of a trigger, and so does polling an epoll set that contains the
 * trigger. A program that polls the subscription's descriptor would find it readable, but there
 * would be no event to read. The trigger is therefore polled by an asynchronous I/O request, whose
 * completion makes an eventfd readable.
 *
 * The stall time that the kernel computes for a window includes part of the previous window's. A
 * trigger can therefore fire when the stall time in the current window is below the threshold, or
 * even zero. To detect such false alarms, the growth of the total stall time is checked. No event is
 * reported for a false alarm; its stall time is included in the value of the next event.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "native.h"

#define SYSTEM_FILE "/proc/pressure/memory"
#define DEFAULT_SETTINGS "some=200ms/2s"
/* Limits imposed by the kernel */
#define WINDOW_LEAST_US 500000
#define WINDOW_MOST_US 10000000
/* Without CAP_SYS_RESOURCE the window must be a multiple of this. */
#define WINDOW_STEP_US 2000000

/**
 * struct pressure_settings - settings of the requested trigger
 * @kind: "some" or "full"
 * @stall_us: threshold of the stall time within @window_us
 * @window_us: length of the window
 * @cgroup: path of the cgroup; NULL for the whole machine
 * @cgroup_column: column of @cgroup in the event specification
 */
struct pressure_settings {
	const char *kind;
	uint64_t stall_us;
	uint64_t window_us;
	const char *cgroup;
	unsigned int cgroup_column;
};

/**
 * struct pressure_state - a trigger
 * @fd: the open file; the trigger exists as long as it is open
 * @done: eventfd that counts completed requests
 * @ctx: context of the asynchronous request
 * @requested: a request is pending
 * @kind: "some" or "full", the first word of the line to read
 * @total: total stall time in microseconds at the last event
 * @seen: total stall time at the last alarm, whether or not an event was reported
 * @seen_at: time of that alarm, CLOCK_MONOTONIC
 * @stall_us: threshold of the stall time within @window_us
 * @window_us: length of the window
 */
struct pressure_state {
	int fd;
	int done;
	aio_context_t ctx;
	bool requested;
	const char *kind;
	uint64_t total;
	uint64_t seen;
	int64_t seen_at;
	uint64_t stall_us;
	uint64_t window_us;
};

/* ------------------------------------------------------------------ settings */

/*
 * Parses digits followed by a unit, such as "200ms".
 * Return: the end of the parsed text, or NULL.
 */
static const char *pressure_parse_time(const char *s, uint64_t *us)
{
	static const struct {
		const char *unit;
		uint64_t us;
	} units[] = { { "us", 1 }, { "ms", 1000 }, { "s", 1000000 } };
	char *end;
	size_t i, len;

	if (*s < '0' || *s > '9')
		return NULL;
	errno = 0;
	*us = strtoull(s, &end, 10);
	if (errno || *us > WINDOW_MOST_US)
		*us = WINDOW_MOST_US + 1;
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		len = strlen(units[i].unit);
		if (strncmp(end, units[i].unit, len))
			continue;
		*us *= units[i].us;
		return end + len;
	}
	return NULL;
}

static int pressure_bad_setting(const struct ksig_stream *stream, const char *all,
				const char *at, struct ksig_error *e)
{
	return ksig_fail(e, stream->spec.settings_column + (at - all), EINVAL,
			 "invalid setting '%s': expected some=STALL/WINDOW or full=STALL/WINDOW, as in memory.pressure:" DEFAULT_SETTINGS ", optionally followed by ,cgroup=PATH (units: us, ms, s)",
			 at);
}

static int pressure_parse(const struct ksig_stream *stream,
			  struct pressure_settings *set, struct ksig_error *e)
{
	const char *all = stream->spec.settings ? stream->spec.settings :
						DEFAULT_SETTINGS;
	const char *s = all, *next;

	*set = (struct pressure_settings) { };
	set->kind = !strncmp(s, "some=", 5) ? "some" : "full";
	if (strncmp(s, "some=", 5) && strncmp(s, "full=", 5))
		return pressure_bad_setting(stream, all, s, e);
	next = pressure_parse_time(s + 5, &set->stall_us);
	if (!next || *next != '/')
		return pressure_bad_setting(stream, all, s + 5, e);
	s = next + 1;
	next = pressure_parse_time(s, &set->window_us);
	if (!next || (*next && strncmp(next, ",cgroup=", 8)) ||
	    (*next && !next[8]))
		return pressure_bad_setting(stream, all, next ? next : s, e);
	if (set->window_us < WINDOW_LEAST_US || set->window_us > WINDOW_MOST_US)
		return ksig_fail(e, stream->spec.settings_column + (s - all),
				 EINVAL,
				 "invalid window '%s': expected 500ms to 10s", s);
	if (!set->stall_us || set->stall_us > set->window_us)
		return ksig_fail(e, stream->spec.settings_column + 5, EINVAL,
				 "invalid stall '%s': expected more than 0 and at most the window",
				 all + 5);
	if (*next) {
		set->cgroup = next + 8;
		set->cgroup_column = stream->spec.settings_column +
				     (set->cgroup - all);
	}
	return 0;
}

/* ------------------------------------------------------------------- trigger */

/* Parses a line like "some avg10=0.00 avg60=0.00 avg300=0.00 total=12345". */
static int pressure_read_total(const struct pressure_state *s, uint64_t *total)
{
	char buf[512], *line, *at;
	ssize_t n = pread(s->fd, buf, sizeof(buf) - 1, 0);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	line = strstr(buf, s->kind);
	at = line ? strstr(line, "total=") : NULL;
	return at && sscanf(at, "total=%" SCNu64, total) == 1 ? 0 : -EIO;
}

/* Submits a request for the next alarm of the trigger. */
static int pressure_request(struct pressure_state *s)
{
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_fildes = s->fd,
		.aio_buf = POLLPRI,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = s->done,
	};
	struct iocb *list[] = { &cb };

	s->requested = syscall(SYS_io_submit, s->ctx, 1, list) == 1;
	return s->requested ? 0 : -errno;
}

/*
 * Checks whether the stall time has really reached the threshold. Alarms occur at least one window
 * apart. If an alarm is read late, the next alarm may be read less than a window later, and part of
 * its stall time has then already been counted.
 */
static bool pressure_reached(struct pressure_state *s, uint64_t total, int64_t now)
{
	uint64_t stalled = total - s->seen;
	bool late = now - s->seen_at < (int64_t)s->window_us * 1000;

	s->seen = total;
	s->seen_at = now;
	/* tolerate 5%, because the total is read some time after the alarm */
	return stalled && (late || stalled >= s->stall_us - s->stall_us / 20);
}

static int pressure_pull(struct ksig_native *n)
{
	struct pressure_state *s = n->state;
	struct io_event result = { };
	struct ksig_event *ev;
	uint64_t count, total;
	int err;

	if (!s->requested)
		return pressure_request(s);
	if (read(s->done, &count, sizeof(count)) < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (syscall(SYS_io_getevents, s->ctx, 0, 1, &result, NULL) != 1)
		return 0;
	s->requested = false;
	/* the cgroup has been removed */
	if (result.res < 0 || result.res & (POLLERR | POLLHUP))
		return -ESHUTDOWN;
	err = pressure_read_total(s, &total);
	if (err)
		return err == -ENODEV ? -ESHUTDOWN : err;
	if (!pressure_reached(s, total, ksig_now()))
		return pressure_request(s);
	ev = ksig_native_put(n, ksig_now());
	/* if this event is lost, its stall time is included in the next event's value */
	if (ev) {
		ev->value = total - s->total;
		s->total = total;
	}
	return pressure_request(s);
}

/* -------------------------------------------------------------- open and close */

static int pressure_fail(const struct pressure_settings *set, int err, const char *path,
			 struct ksig_error *e)
{
	if (err == -ENOENT || err == -EOPNOTSUPP)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "no %s: needs CONFIG_PSI, and psi=1 on the kernel command line if it is off by default",
				 path);
	if (err == -EPERM && !set->cgroup)
		return ksig_fail(e, 0, EPERM,
				 "%s: needs root or CAP_SYS_RESOURCE before Linux 6.4",
				 path);
	if (err == -EPERM || err == -EACCES)
		return ksig_fail(e, set->cgroup_column, -err,
				 "cannot open %s for writing: %s; run ksig as root, or specify a cgroup that you own",
				 path, strerror(-err));
	return ksig_native_fail(e, err, path);
}

static int pressure_set_trigger(const struct ksig_stream *stream,
				const struct pressure_settings *set,
				struct pressure_state *s, struct ksig_error *e)
{
	char *folder, *path = NULL, text[64];
	const char *file = SYSTEM_FILE;
	int err, n;

	if (set->cgroup) {
		err = ksig_cgroup_path(set->cgroup, set->cgroup_column, &folder, e);
		if (err)
			return err;
		n = asprintf(&path, "%s/memory.pressure", folder);
		free(folder);
		if (n < 0)
			return ksig_native_fail(e, -ENOMEM, "cannot build a cgroup's path");
		file = path;
	}
	s->fd = open(file, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (s->fd < 0) {
		err = pressure_fail(set, -errno, file, e);
		goto free;
	}
	n = snprintf(text, sizeof(text), "%s %" PRIu64 " %" PRIu64, set->kind,
		     set->stall_us, set->window_us);
	/* include the NUL, because the kernel replaces the last byte with a NUL */
	if (write(s->fd, text, n + 1) < 0) {
		err = -errno;
		if (err == -EINVAL && set->window_us % WINDOW_STEP_US)
			err = ksig_fail(e, stream->spec.settings_column + 5, EPERM,
					"without CAP_SYS_RESOURCE the window must be a multiple of 2s: give 2s, 4s, ... or run ksig as root");
		else
			err = pressure_fail(set, err, file, e);
		goto free;
	}
	err = pressure_read_total(s, &s->total);
	s->seen = s->total;
	s->seen_at = ksig_now();
	if (err)
		ksig_native_fail(e, err, file);
free:
	free(path);
	return err;
}

/*
 * Frees a trigger. Cancels the request first, because a pending request keeps the file open and
 * therefore the trigger alive.
 */
static void pressure_free(struct pressure_state *s)
{
	if (s->ctx)
		syscall(SYS_io_destroy, s->ctx);
	if (s->done >= 0)
		close(s->done);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

static int pressure_open(struct ksig_native *n, struct ksig_stream *stream,
			 struct ksig_error *e)
{
	struct pressure_settings set;
	struct pressure_state *s;
	int err = pressure_parse(stream, &set, e);

	if (err)
		return err;
	s = malloc(sizeof(*s));
	if (!s)
		return ksig_native_fail(e, -ENOMEM, "a PSI trigger");
	*s = (struct pressure_state) { .fd = -1, .done = -1, .kind = set.kind,
		.stall_us = set.stall_us, .window_us = set.window_us };
	err = pressure_set_trigger(stream, &set, s, e);
	if (err)
		goto free;
	s->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->done < 0) {
		err = ksig_native_fail(e, -errno, "cannot create an eventfd");
		goto free;
	}
	if (syscall(SYS_io_setup, 1, &s->ctx)) {
		err = errno;
		err = ksig_fail(e, 0, err == ENOSYS ? EOPNOTSUPP : err,
				"cannot set up asynchronous I/O (io_setup): %s%s",
				strerror(err),
				err == EAGAIN ? "; raise fs.aio-max-nr" :
				err == ENOSYS ? ": needs CONFIG_AIO" :
						"");
		goto free;
	}
	err = pressure_request(s);
	if (!err)
		err = ksig_native_watch(n, s->done, EPOLLIN);
	if (err) {
		ksig_native_fail(e, err, "cannot wait for a PSI trigger");
		goto free;
	}
	n->state = s;
	return 0;

free:
	pressure_free(s);
	return err;
}

static void pressure_close(struct ksig_native *n)
{
	pressure_free(n->state);
}

const struct ksig_native_source ksig_native_pressure = {
	.open = pressure_open,
	.close = pressure_close,
	.pull = pressure_pull,
};
