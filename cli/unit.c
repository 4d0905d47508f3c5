// SPDX-License-Identifier: MIT
/*
 * Determines the main process of a systemd unit through D-Bus.
 *
 * The pid is read again when a D-Bus signal reports that the properties of the unit have changed,
 * that the unit has been loaded again, or that the manager has been replaced (daemon-reexec). The
 * contents of these signals are not used, so that there is only one way to read the pid. All calls
 * are asynchronous, because a busy manager, for example during daemon-reload, must not delay events
 * for a known target. After any failure, a new connection is opened.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "cli.h"
#include "unit.h"
#include "watch.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define MANAGER SYSTEMD ".Manager"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define SERVICE SYSTEMD ".Service"
#define PROPERTIES "org.freedesktop.DBus.Properties"

#define SECOND 1000000ULL
#define NEVER UINT64_MAX
/* Maximum time for a reply, including the time to connect */
#define ANSWER_TIME (5 * SECOND)
/* Interval for attempts to restore a lost connection */
#define RETRY_TIME SECOND

/**
 * struct ksig_unit - a unit whose main process is tracked
 * @name: name of the unit, including the suffix
 * @bus: connection to the bus; NULL if lost, in which case @retry_at is set
 * @call: call whose reply has not arrived yet; NULL if there is none
 * @changed: match for changes of the unit's properties
 * @loaded: match for loading of the unit
 * @answer_by: deadline for the reply to @call, CLOCK_MONOTONIC in us
 * @retry_at: when to connect again
 * @stale: the unit has changed since @call was sent
 * @reloaded: the unit has been loaded again since @call was sent
 * @answered: @pid is from a new reply
 * @pid: pid of the main process; 0 if there is none
 * @path: D-Bus object path of the unit
 * @load_state: load state of the unit, such as not-found
 * @active_state: active state of the unit, such as inactive
 * @error: cause of the failure, if @failed is set
 * @failed: the connection is no longer usable
 * @away: the failure has been reported
 */
struct ksig_unit {
	char *name;
	sd_bus *bus;
	sd_bus_slot *call;
	sd_bus_slot *changed;
	sd_bus_slot *loaded;
	uint64_t answer_by;
	uint64_t retry_at;
	bool stale;
	bool reloaded;
	bool answered;
	pid_t pid;
	char *path;
	char *load_state;
	char *active_state;
	sd_bus_error error;
	bool failed;
	bool away;
};

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

/* ---------------------------------------------------------------------- names */

static const char *const suffixes[] = {
	".service", ".socket", ".device", ".mount", ".automount", ".swap",
	".target", ".path", ".timer", ".slice", ".scope",
};

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), end = strlen(suffix);

	return len > end && !strcmp(name + len - end, suffix);
}

/*
 * Completes the name of a unit as systemctl does: foo bar becomes foo\x20bar.service.
 * Return: NULL if out of memory.
 */
static char *complete_name(const char *name)
{
	static const char valid[] = "0123456789:-_.\\@"
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char *res = malloc(4 * strlen(name) + sizeof(".service")), *to = res;
	size_t i;

	if (!res)
		return NULL;
	for (; *name; name++) {
		if (*name == '/')
			*to++ = '-';
		else if (strchr(valid, *name))
			*to++ = *name;
		else
			to += sprintf(to, "\\x%02x", (unsigned char)*name);
	}
	*to = '\0';
	for (i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		if (has_suffix(res, suffixes[i]))
			return res;
	}
	strcpy(to, ".service");
	return res;
}

/* ---------------------------------------------------------------------- calls */

/*
 * Records a failure. The connection must not be closed in its own callbacks; ksig_unit_process()
 * closes it later.
 */
static int fail(struct ksig_unit *u, int err)
{
	if (!u->failed)
		sd_bus_error_set_errno(&u->error, err);
	u->failed = true;
	return 0;
}

/* Completes the current call. Return: whether the reply is an error. */
static bool is_error(struct ksig_unit *u, sd_bus_message *m)
{
	u->call = sd_bus_slot_unref(u->call);
	u->answer_by = NEVER;
	if (!sd_bus_message_is_method_error(m, NULL))
		return false;
	if (!u->failed)
		sd_bus_error_copy(&u->error, sd_bus_message_get_error(m));
	u->failed = true;
	return true;
}

/* Sends a call. Replaces the call that is still waiting for its reply, if there is one. */
static int call(struct ksig_unit *u, const char *path, const char *interface,
		const char *member, sd_bus_message_handler_t answer,
		const char *types, ...)
{
	sd_bus_message *m = NULL;
	va_list args;
	int r;

	u->call = sd_bus_slot_unref(u->call);
	r = sd_bus_message_new_method_call(u->bus, &m, SYSTEMD, path, interface,
					   member);
	/* otherwise the bus might start a manager other than the system's */
	if (r >= 0)
		r = sd_bus_message_set_auto_start(m, 0);
	va_start(args, types);
	if (r >= 0)
		r = sd_bus_message_appendv(m, types, args);
	va_end(args);
	if (r >= 0)
		r = sd_bus_call_async(u->bus, &u->call, m, answer, u,
				      2 * ANSWER_TIME);
	sd_bus_message_unref(m);
	u->answer_by = now_us() + ANSWER_TIME;
	return r;
}

static void ask_again(struct ksig_unit *u);

static int on_pid(sd_bus_message *m, void *data, sd_bus_error *unused)
{
	struct ksig_unit *u = data;
	uint32_t pid;
	int r;

	(void)unused;
	if (is_error(u, m))
		return 0;
	r = sd_bus_message_read(m, "v", "u", &pid);
	if (r < 0 || pid > INT_MAX)
		return fail(u, r < 0 ? r : -ERANGE);
	u->pid = pid;
	u->answered = true;
	ask_again(u);
	return 0;
}

void ksig_unit_ask(struct ksig_unit *u)
{
	int r;

	/* a new connection reads the pid anyway */
	if (!u->bus || u->failed)
		return;
	u->stale = false;
	r = call(u, u->path, PROPERTIES, "Get", on_pid, "ss", SERVICE,
		 "MainPID");
	if (r < 0)
		fail(u, r);
}

static int on_found(sd_bus_message *m, void *data, sd_bus_error *unused)
{
	struct ksig_unit *u = data;

	(void)unused;
	if (sd_bus_message_is_method_error(m, SYSTEMD ".NoSuchUnit"))
		u->call = sd_bus_slot_unref(u->call);
	else if (is_error(u, m))
		return 0;
	else
		u->stale = true;
	u->answer_by = NEVER;
	ask_again(u);
	return 0;
}

/*
 * Reading a property of a unit that is not loaded makes the manager load the unit. If the unit is
 * not running, the manager immediately unloads it again. After UnitNew, properties are therefore
 * read only if the unit is still loaded. Otherwise reading them would cause the next UnitNew.
 */
static void ask_again(struct ksig_unit *u)
{
	bool reloaded = u->reloaded;
	int r = 0;

	if (u->call || u->failed)
		return;
	u->reloaded = false;
	if (u->stale)
		ksig_unit_ask(u);
	else if (reloaded)
		r = call(u, MANAGER_PATH, MANAGER, "GetUnit", on_found,
			 "s", u->name);
	if (r < 0)
		fail(u, r);
}

static int on_change(sd_bus_message *m, void *data, sd_bus_error *unused)
{
	struct ksig_unit *u = data;

	(void)unused;
	if (sd_bus_message_is_signal(m, MANAGER, "UnitNew"))
		u->reloaded = true;
	else
		u->stale = true;
	ask_again(u);
	return 0;
}

static int match(struct ksig_unit *u, sd_bus_slot **slot, const char *format)
{
	char *rule;
	int r;

	*slot = sd_bus_slot_unref(*slot);
	if (asprintf(&rule, format, u->path) < 0)
		return -ENOMEM;
	r = sd_bus_add_match_async(u->bus, slot, rule, on_change, NULL, u);
	free(rule);
	return r;
}

/*
 * Subscribes to changes. From then on, a change is either included in the reply to a later call or
 * reported by a D-Bus signal.
 */
static int follow(struct ksig_unit *u)
{
	int r = match(u, &u->changed,
		      "type='signal',sender='" SYSTEMD "',path='%s',interface='"
		      PROPERTIES "',member='PropertiesChanged',arg0='" SERVICE "'");

	if (r >= 0)
		r = match(u, &u->loaded,
			  "type='signal',sender='" SYSTEMD "',path='"
			  MANAGER_PATH "',interface='" MANAGER
			  "',member='UnitNew',arg1path='%s'");
	return r;
}

static int set(char **to, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

static int on_listed(sd_bus_message *m, void *data, sd_bus_error *unused)
{
	const char *load, *active, *path;
	struct ksig_unit *u = data;
	int r;

	(void)unused;
	if (is_error(u, m))
		return 0;
	r = sd_bus_message_enter_container(m, 'a', "(ssssssouso)");
	if (r > 0)
		r = sd_bus_message_read(m, "(ssssssouso)", NULL, NULL, &load,
					&active, NULL, NULL, &path, NULL, NULL,
					NULL);
	/* the manager omits invalid unit names from its reply */
	if (!r)
		r = -EINVAL;
	if (r > 0)
		r = set(&u->load_state, load);
	if (!r)
		r = set(&u->active_state, active);
	if (!r)
		r = set(&u->path, path);
	if (!r)
		r = follow(u);
	if (r < 0)
		return fail(u, r);
	ksig_unit_ask(u);
	return 0;
}

static int on_subscribed(sd_bus_message *m, void *data, sd_bus_error *unused)
{
	struct ksig_unit *u = data;
	int r;

	(void)unused;
	/* the manager may remember subscribers across a daemon-reexec */
	if (sd_bus_message_is_method_error(m, SYSTEMD ".AlreadySubscribed"))
		u->call = sd_bus_slot_unref(u->call);
	else if (is_error(u, m))
		return 0;
	r = call(u, MANAGER_PATH, MANAGER, "ListUnitsByNames", on_listed,
		 "as", 1, u->name);
	return r < 0 ? fail(u, r) : 0;
}

static int subscribe(struct ksig_unit *u)
{
	return call(u, MANAGER_PATH, MANAGER, "Subscribe", on_subscribed, "");
}

/* A new manager does not know the subscribers of its predecessor. */
static int on_owner(sd_bus_message *m, void *data, sd_bus_error *unused)
{
	struct ksig_unit *u = data;
	const char *owner;
	int r;

	(void)unused;
	r = sd_bus_message_read(m, "sss", NULL, NULL, &owner);
	if (r >= 0 && *owner)
		r = subscribe(u);
	return r < 0 ? fail(u, r) : 0;
}

/* ----------------------------------------------------------------- connection */

static void connect_to_bus(struct ksig_unit *u)
{
	int r = sd_bus_open_system(&u->bus);

	if (r >= 0)
		r = sd_bus_add_match_async(u->bus, NULL,
			"type='signal',sender='org.freedesktop.DBus',"
			"path='/org/freedesktop/DBus',"
			"interface='org.freedesktop.DBus',"
			"member='NameOwnerChanged',arg0='" SYSTEMD "'",
			on_owner, NULL, u);
	if (r >= 0)
		r = subscribe(u);
	if (r < 0)
		fail(u, r);
}

static void disconnect(struct ksig_unit *u)
{
	u->call = sd_bus_slot_unref(u->call);
	u->changed = sd_bus_slot_unref(u->changed);
	u->loaded = sd_bus_slot_unref(u->loaded);
	u->bus = sd_bus_close_unref(u->bus);
	u->answer_by = NEVER;
	u->answered = false;
}

static const char *reason(const struct ksig_unit *u)
{
	if (sd_bus_error_has_name(&u->error, SD_BUS_ERROR_TIMEOUT))
		return "no answer";
	return u->error.message ? u->error.message : u->error.name;
}

/*
 * Schedules a reconnection. Retrying is necessary, because nothing reports that the manager or the
 * bus is available again.
 */
static void try_again(struct ksig_unit *u)
{
	if (!u->away)
		ksig_note("systemd can't report the main process of '%s': %s; trying again",
			  u->name, reason(u));
	u->away = true;
	disconnect(u);
	sd_bus_error_free(&u->error);
	u->failed = false;
	u->retry_at = now_us() + RETRY_TIME;
}

/*
 * Handles pending messages.
 * Return: true if there is a new reply; false if no messages are left or @u has failed.
 */
static bool dispatch(struct ksig_unit *u)
{
	int r = 0;

	while (!u->failed && !u->answered &&
	       (r = sd_bus_process(u->bus, NULL)) > 0)
		;
	if (r < 0)
		fail(u, r);
	else if (!u->answered && now_us() >= u->answer_by)
		fail(u, -ETIMEDOUT);
	return u->answered && !u->failed;
}

bool ksig_unit_process(struct ksig_unit *u)
{
	if (!u->bus && now_us() < u->retry_at)
		return false;
	if (!u->bus)
		connect_to_bus(u);
	if (!dispatch(u)) {
		if (u->failed)
			try_again(u);
		return false;
	}
	u->answered = false;
	if (u->away)
		ksig_note("systemd reports the main process of '%s' again",
			  u->name);
	u->away = false;
	return true;
}

int64_t ksig_unit_poll(const struct ksig_unit *u, struct pollfd *p)
{
	uint64_t at = u->retry_at;
	int events = 0;

	p->fd = -1;
	if (u->bus) {
		p->fd = sd_bus_get_fd(u->bus);
		events = sd_bus_get_events(u->bus);
		/* handle an error immediately; the connection may have been closed */
		if (sd_bus_get_timeout(u->bus, &at) < 0 || p->fd < 0 || events < 0)
			at = 0;
		if (u->answer_by < at)
			at = u->answer_by;
	}
	p->events = events > 0 ? events : 0;
	return at == NEVER ? INT64_MAX : (int64_t)at * 1000;
}

void ksig_unit_wait(const struct ksig_unit *u)
{
	struct pollfd fds[2] = { { .fd = ksig_stop_fd(), .events = POLLIN } };
	int64_t at = ksig_unit_poll(u, &fds[1]), left;
	struct timespec ts = { };

	left = at - (int64_t)now_us() * 1000;
	if (left > 0) {
		ts.tv_sec = left / 1000000000;
		ts.tv_nsec = left % 1000000000;
	}
	ppoll(fds, 2, at == INT64_MAX ? NULL : &ts, NULL);
}

pid_t ksig_unit_main_pid(const struct ksig_unit *u)
{
	return u->pid;
}

bool ksig_unit_is_asking(const struct ksig_unit *u)
{
	return u->call && !u->away;
}

/* -------------------------------------------------------------------- opening */

static int explain(const struct ksig_unit *u)
{
	const sd_bus_error *e = &u->error;
	static const char *const without_systemd[] = {
		SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
	};
	size_t i;

	if (u->bus && sd_bus_error_has_name(e, SD_BUS_ERROR_INVALID_ARGS)) {
		ksig_error("invalid unit '%s': %s", u->name, reason(u));
		return KSIG_USAGE;
	}
	for (i = 0; i < sizeof(without_systemd) / sizeof(char *); i++) {
		if (sd_bus_error_has_name(e, without_systemd[i])) {
			ksig_error("unit:%s is not available: systemd is not on the system bus (use pidfile:PATH or a pid instead)",
				   u->name);
			return KSIG_NOT_HERE;
		}
	}
	if (!u->path && !sd_bus_error_has_name(e, SD_BUS_ERROR_TIMEOUT)) {
		ksig_error("unit:%s is not available: cannot use the system bus: %s (use pidfile:PATH or a pid instead)",
			   u->name, reason(u));
		return KSIG_NOT_HERE;
	}
	ksig_error("systemd can't report the main process of '%s': %s",
		   u->name, reason(u));
	return KSIG_FAILED;
}

static int first_answer(struct ksig_unit *u)
{
	uint64_t end = now_us() + ANSWER_TIME;

	connect_to_bus(u);
	/* allow the whole sequence of calls no more time than a single reply */
	while (!u->failed && !dispatch(u) && !u->failed) {
		u->answer_by = end;
		ksig_unit_wait(u);
	}
	if (u->failed)
		return explain(u);
	u->answered = false;
	if (u->pid)
		return KSIG_DONE;
	if (!strcmp(u->load_state, "not-found"))
		ksig_error("no unit '%s'", u->name);
	else
		ksig_error("the unit '%s' has no main process: it is %s",
			   u->name, u->active_state);
	return KSIG_TARGET_GONE;
}

int ksig_unit_open(const char *name, struct ksig_unit **res)
{
	struct ksig_unit *u = calloc(1, sizeof(*u));
	int ret = KSIG_DONE;

	if (u)
		u->name = complete_name(name);
	if (!u || !u->name) {
		ksig_error("out of memory");
		ret = KSIG_FAILED;
	} else if (!has_suffix(u->name, ".service")) {
		ksig_error("invalid unit '%s': only a service has a main process",
			   u->name);
		ret = KSIG_USAGE;
	} else {
		ret = first_answer(u);
	}
	if (ret) {
		ksig_unit_close(u);
		u = NULL;
	}
	*res = u;
	return ret;
}

void ksig_unit_close(struct ksig_unit *u)
{
	if (!u)
		return;
	disconnect(u);
	sd_bus_error_free(&u->error);
	free(u->name);
	free(u->path);
	free(u->load_state);
	free(u->active_state);
	free(u);
}
