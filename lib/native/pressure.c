// SPDX-License-Identifier: MIT
/*
 * memory.pressure, cpu.pressure and io.pressure, and their ends, memory.calm, cpu.calm and io.calm:
 * a PSI trigger, for the whole machine or for a cgroup.
 *
 * The stall time that the kernel computes for a window includes part of the previous window's. A
 * trigger can therefore fire when the stall time in the current window is below the threshold, or
 * even zero. To detect such false alarms, the growth of the total stall time is checked. No event is
 * reported for a false alarm; its stall time is included in the value of the next event.
 *
 * The kernel doesn't report that the pressure has ended. A timer runs while there is pressure. If
 * the stall time stays below the threshold for a whole window, the pressure has ended. The
 * initial state is determined in the first window.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "alarm.h"

#define DEFAULT_SETTING "200ms/2s"
/* Limits imposed by the kernel */
#define WINDOW_LEAST_US 500000
#define WINDOW_MOST_US 10000000
/* Without CAP_SYS_RESOURCE the window must be a multiple of this. */
#define WINDOW_STEP_US 2000000

/**
 * struct pressure_settings - settings of the requested trigger
 * @resource: "memory", "cpu" or "io"
 * @kind: "some" or "full"
 * @stall_us: threshold of the stall time within @window_us
 * @window_us: length of the window
 * @key_column: column of @kind in the event specification; 0 if the settings have neither
 * @column: column of the threshold; 0 if it is the default
 * @place: the setting "cgroup" or "unit"; NULL for the whole machine
 */
struct pressure_settings {
	char resource[8];
	const char *kind;
	uint64_t stall_us;
	uint64_t window_us;
	unsigned int key_column;
	unsigned int column;
	const struct ksig_cond *place;
};

/**
 * struct pressure_state - a trigger
 * @fd: the open file; the trigger exists as long as it is open
 * @alarm: waits for the trigger
 * @timer: expires if the trigger doesn't fire for a window; -1 for the events *.pressure
 * @kind: "some" or "full", the first word of the line to read
 * @total: total stall time in microseconds at the last event
 * @total_at: time of the last event, or when the subscription was opened, CLOCK_MONOTONIC
 * @seen: total stall time at the last alarm, whether or not an event was reported
 * @seen_at: time of that alarm, or when the subscription was opened, CLOCK_MONOTONIC
 * @has_seen: there was an alarm since the subscription was opened
 * @alarm_due: an alarm was taken, but could not be handled yet
 * @timer_due: the timer has expired, but could not be handled yet
 * @undecided: the initial state is to be reported, and it is not known yet
 * @stall_us: threshold of the stall time within @window_us
 * @window_us: length of the window
 */
struct pressure_state {
	int fd;
	struct ksig_alarm alarm;
	int timer;
	const char *kind;
	uint64_t total;
	int64_t total_at;
	uint64_t seen;
	int64_t seen_at;
	bool has_seen;
	bool alarm_due;
	bool timer_due;
	bool undecided;
	uint64_t stall_us;
	uint64_t window_us;
};

/* ------------------------------------------------------------------ settings */

/* Parses "STALL/WINDOW". @column: where @text begins in the event specification. */
static int pressure_parse_threshold(const char *text, unsigned int column,
				    struct pressure_settings *set, struct ksig_error *e)
{
	const char *next = ksig_setting_time(text, &set->stall_us), *window;

	window = next && *next == '/' ? next + 1 : NULL;
	next = window ? ksig_setting_time(window, &set->window_us) : NULL;
	if (!next || *next)
		return ksig_fail(e, column + (window ? window - text : 0), EINVAL,
				 "invalid threshold '%s': expected STALL/WINDOW, such as "
				 DEFAULT_SETTING " (units: us, ms, s)", text);
	if (set->window_us < WINDOW_LEAST_US || set->window_us > WINDOW_MOST_US)
		return ksig_fail(e, column + (window - text), EINVAL,
				 "invalid window '%s': expected 500ms to 10s", window);
	if (!set->stall_us || set->stall_us > set->window_us)
		return ksig_fail(e, column, EINVAL,
				 "invalid stall '%s': expected more than 0 and at most the window",
				 text);
	return 0;
}

static int pressure_parse(const struct ksig_stream *stream,
			  struct pressure_settings *set, struct ksig_error *e)
{
	const struct ksig_cond *some = ksig_spec_setting(&stream->spec, "some");
	const struct ksig_cond *full = ksig_spec_setting(&stream->spec, "full");
	const struct ksig_cond *cgroup = ksig_spec_setting(&stream->spec, "cgroup");
	const struct ksig_cond *unit = ksig_spec_setting(&stream->spec, "unit");
	const struct ksig_cond *threshold = full ? full : some;
	const char *name = stream->desc->name;

	*set = (struct pressure_settings) {
		.kind = full ? "full" : "some",
		.key_column = threshold ? threshold->column : 0,
		.column = threshold ? threshold->text_column : 0,
		.place = unit ? unit : cgroup,
	};
	snprintf(set->resource, sizeof(set->resource), "%.*s",
		 (int)strcspn(name, "."), name);
	if (some && full)
		return ksig_fail(e, full->column, EINVAL,
				 "'some' and 'full' are mutually exclusive: use a separate event specification for each");
	if (cgroup && unit)
		return ksig_fail(e, unit->column, EINVAL,
				 "'cgroup' and 'unit' are mutually exclusive");
	return pressure_parse_threshold(threshold ? threshold->text : DEFAULT_SETTING,
					set->column, set, e);
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

/* Lets the timer expire in @us microseconds; 0 stops it. */
static int pressure_set_timer(const struct pressure_state *s, uint64_t us)
{
	const struct itimerspec after = {
		.it_value = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 },
	};

	return timerfd_settime(s->timer, 0, &after, NULL) ? -errno : 0;
}

/*
 * Checks whether the stall time has really reached the threshold. Alarms occur at least one window
 * apart. If an alarm is read late, the next alarm may be read less than a window later, and part of
 * its stall time has then already been counted.
 */
static bool pressure_reached(struct pressure_state *s, uint64_t total, int64_t now)
{
	uint64_t stalled = total - s->seen;
	bool late = s->has_seen && now - s->seen_at < (int64_t)s->window_us * 1000;

	s->seen = total;
	s->seen_at = now;
	s->has_seen = true;
	/*
	 * tolerate 25%, because the kernel computes the total in the file and the one that it
	 * compares with the threshold from different samples of each cpu
	 */
	return stalled && (late || stalled >= s->stall_us - s->stall_us / 4);
}

static void pressure_put(struct ksig_native *n, uint64_t total, int64_t now)
{
	struct pressure_state *s = n->state;
	struct ksig_event *ev = ksig_native_put(n, now);
	struct ksig_pressure_data *data;

	/* if this event is lost, its stall time is included in the next event's value */
	if (!ev)
		return;
	data = (void *)ev->data;
	ev->value = total - s->total;
	ev->len = sizeof(*data);
	data->over_us = (now - s->total_at) / 1000;
	if (s->undecided)
		ev->flags |= KSIG_EVENT_INITIAL;
	s->undecided = false;
	s->total = total;
	s->total_at = now;
}

/* Handles an alarm of the trigger. */
static int pressure_alarm(struct ksig_native *n)
{
	struct pressure_state *s = n->state;
	int64_t now = ksig_now(), since = now - s->seen_at;
	uint64_t total;
	int err = pressure_read_total(s, &total);

	if (err)
		return err == -ENODEV ? -ESHUTDOWN : err;
	s->alarm_due = false;
	if (!pressure_reached(s, total, now))
		return 0;
	/* after the first window, this is a change; tolerate 5%, because alarms are read later */
	if (s->timer >= 0 || since > (int64_t)(s->window_us + s->window_us / 20) * 1000)
		s->undecided = false;
	if (s->timer < 0) {
		pressure_put(n, total, now);
		return 0;
	}
	s->total = total;
	s->total_at = now;
	return pressure_set_timer(s, s->window_us);
}

/* Handles the timer, which expires a window after the last alarm. */
static int pressure_timer(struct ksig_native *n)
{
	struct pressure_state *s = n->state;
	int64_t now = ksig_now();
	uint64_t total, expired;
	int err;

	if (read(s->timer, &expired, sizeof(expired)) > 0)
		s->timer_due = true;
	if (!s->timer_due)
		return 0;
	err = pressure_read_total(s, &total);
	if (err)
		return err == -ENODEV ? -ESHUTDOWN : err;
	s->timer_due = false;
	/* the trigger may be about to fire */
	if (total - s->total >= s->stall_us) {
		s->undecided = false;
		s->total = total;
		s->total_at = now;
		return pressure_set_timer(s, s->window_us);
	}
	pressure_put(n, total, now);
	return 0;
}

static int pressure_pull(struct ksig_native *n)
{
	struct pressure_state *s = n->state;
	int ret = ksig_alarm_take(&s->alarm);

	if (ret < 0)
		return ret;
	/* the cgroup has been removed */
	if (ret & (POLLERR | POLLHUP))
		return -ESHUTDOWN;
	s->alarm_due |= ret != 0;
	ret = s->alarm_due ? pressure_alarm(n) : 0;
	return ret || s->timer < 0 ? ret : pressure_timer(n);
}

/* -------------------------------------------------------------- open and close */

static int pressure_fail(const struct pressure_settings *set, int err, const char *path,
			 struct ksig_error *e)
{
	if (err == -ENOENT || err == -EOPNOTSUPP)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "%s is not available: it needs CONFIG_PSI%s", path, set->place ?
				 ", and cgroup.pressure must contain 1" :
				 ", and psi=1 on the kernel command line if PSI is off by default");
	if (err == -EPERM && !set->place)
		return ksig_fail(e, 0, EPERM,
				 "%s: needs root or CAP_SYS_RESOURCE before Linux 6.4",
				 path);
	if (err == -EPERM || err == -EACCES)
		return ksig_fail(e, set->place ? set->place->text_column : 0, -err,
				 "cannot open %s for writing: %s; run ksig as root, or specify a cgroup that you own",
				 path, strerror(-err));
	return ksig_native_fail(e, err, path);
}

static int pressure_set_trigger(const struct pressure_settings *set,
				struct pressure_state *s, struct ksig_error *e)
{
	char *folder = NULL, *path, text[64];
	int err, n;

	err = set->place ? ksig_cgroup_of_setting(set->place, &folder, e) : 0;
	if (err)
		return err;
	if (!strcmp(set->resource, "cpu") && !strcmp(set->kind, "full") &&
	    (!folder || ksig_cgroup_is_root(folder))) {
		free(folder);
		return ksig_fail(e, set->key_column, EINVAL,
				 "the whole machine has no 'full' pressure on cpus: use some=, or full= with cgroup= or unit=");
	}
	n = folder ? asprintf(&path, "%s/%s.pressure", folder, set->resource) :
		     asprintf(&path, "/proc/pressure/%s", set->resource);
	free(folder);
	if (n < 0)
		return ksig_native_fail(e, -ENOMEM, "cannot build the path of a PSI file");
	s->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (s->fd < 0) {
		err = pressure_fail(set, -errno, path, e);
		goto free;
	}
	n = snprintf(text, sizeof(text), "%s %" PRIu64 " %" PRIu64, set->kind,
		     set->stall_us, set->window_us);
	/* include the NUL, because the kernel replaces the last byte with a NUL */
	if (write(s->fd, text, n + 1) < 0) {
		err = -errno;
		if (err == -EINVAL && set->window_us % WINDOW_STEP_US)
			err = ksig_fail(e, set->column, EPERM,
					"without CAP_SYS_RESOURCE the window must be a multiple of 2s: give 2s, 4s, ... or run ksig as root");
		else
			err = pressure_fail(set, err, path, e);
		goto free;
	}
	err = pressure_read_total(s, &s->total);
	s->seen = s->total;
	s->seen_at = ksig_now();
	s->total_at = s->seen_at;
	if (err)
		ksig_native_fail(e, err, path);
free:
	free(path);
	return err;
}

static void pressure_free(struct pressure_state *s)
{
	ksig_alarm_close(&s->alarm);
	if (s->timer >= 0)
		close(s->timer);
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
		return ksig_native_fail(e, -ENOMEM, "cannot create a PSI trigger");
	*s = (struct pressure_state) {
		.fd = -1, .alarm = KSIG_ALARM_INIT, .timer = -1, .kind = set.kind,
		.stall_us = set.stall_us, .window_us = set.window_us,
	};
	err = pressure_set_trigger(&set, s, e);
	if (!err)
		err = ksig_alarm_open(&s->alarm, n, s->fd, e);
	/* only *.calm needs a timer */
	if (!err && strstr(stream->desc->name, ".calm")) {
		s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		err = s->timer < 0 ? -errno : ksig_native_watch(n, s->timer, EPOLLIN);
		if (err)
			ksig_native_fail(e, err, "cannot create a timer");
	}
	if (err)
		pressure_free(s);
	else
		n->state = s;
	return err;
}

/* The initial state is known only after one window, which begins now. */
static int pressure_initial(struct ksig_native *n)
{
	struct pressure_state *s = n->state;
	int err = pressure_read_total(s, &s->total);

	if (err)
		return err;
	/* the trigger was set before the other events were opened */
	s->seen = s->total;
	s->seen_at = ksig_now();
	s->total_at = s->seen_at;
	s->undecided = true;
	return s->timer < 0 ? 0 : pressure_set_timer(s, s->window_us);
}

static void pressure_close(struct ksig_native *n)
{
	pressure_free(n->state);
}

const struct ksig_native_source ksig_native_pressure = {
	.open = pressure_open,
	.initial = pressure_initial,
	.close = pressure_close,
	.pull = pressure_pull,
};
