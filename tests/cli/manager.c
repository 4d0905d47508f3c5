// SPDX-License-Identifier: MIT
/*
 * manager SOCKET [NAME]: a fake system bus with systemd on it, for tests. This systemd has one
 * unit, a.service, also known as alias.service and NAME.
 *
 * Commands, one per line of standard input:
 *	pid N		change the main process to N and report the change
 *	pid N once M	like "pid N", but after the first query the main process becomes
 *			M, which is not reported
 *	loaded N	change the main process to N; the only report is that the unit
 *			was loaded
 *	unloaded	change the main process to 0; the unit is loaded only while its
 *			properties are read
 *	replaced N	change the main process to N; the only report is a new manager on
 *			the bus, which has no subscribers
 *	touch		report a change of an unrelated property of the unit
 *	state S		set ActiveState
 *	mute		stop replying to calls
 *	hide		keep the bus, but remove systemd from it
 *	refuse		deny every call to systemd
 * Standard output: "ready", each command that was executed, and each call.
 *
 * Like a real bus, this bus sends a client only signals that match one of the client's rules.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define SYSTEMD "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define UNIT_PATH MANAGER_PATH "/unit/a_2eservice"
#define OTHER_PATH MANAGER_PATH "/unit/other"
#define BUS "org.freedesktop.DBus"
#define CLIENTS 16
#define MATCHES 16

/**
 * struct client - a connection
 * @bus: NULL if this entry is unused
 * @subscribed: true after the client has called Subscribe
 * @matches: the client's match rules
 */
struct client {
	sd_bus *bus;
	bool subscribed;
	char *matches[MATCHES];
};

static struct client clients[CLIENTS];
static const char *other_name = "";
static sd_event *loop;
static uint32_t main_pid, next_pid;
static bool once, mute, hidden, refusing, unloaded;
static char state[32] = "active";
static int owner = 1;

static void must(int r, const char *what)
{
	if (r < 0)
		errx(1, "%s: %s", what, strerror(-r));
}

/* ---------------------------------------------------------------------- calls */

static void send_loaded(struct client *c);

static int reply_main_pid(struct client *c, sd_bus_message *m, const char *path)
{
	uint32_t pid = strcmp(path, UNIT_PATH) ? 0 : main_pid;

	if (unloaded)
		send_loaded(c);
	if (once)
		main_pid = next_pid;
	once = false;
	return sd_bus_reply_method_return(m, "v", "u", pid);
}

static int reply_units(sd_bus_message *m)
{
	bool known, any;
	const char *name;
	char **names;

	must(sd_bus_message_read_strv(m, &names), "names");
	name = names[0];
	if (strstr(name, "@."))
		return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_INVALID_ARGS,
			"Unit name %s is missing the instance name.", name);
	known = !strcmp(name, "a.service") || !strcmp(name, "alias.service") ||
		!strcmp(name, other_name);
	any = strlen(name) < 256;
	return sd_bus_reply_method_return(m, "a(ssssssouso)", any ? 1 : 0,
		known ? "a.service" : name, "", known ? "loaded" : "not-found",
		known ? state : "inactive", "", "",
		known ? UNIT_PATH : OTHER_PATH, 0, "", "/");
}

static int add_match(struct client *c, sd_bus_message *m)
{
	const char *rule;
	int i = 0;

	must(sd_bus_message_read(m, "s", &rule), "rule");
	while (i < MATCHES && c->matches[i])
		i++;
	if (i == MATCHES)
		errx(1, "too many matches");
	c->matches[i] = strdup(rule);
	return sd_bus_reply_method_return(m, "");
}

static int remove_match(struct client *c, sd_bus_message *m)
{
	const char *rule;
	int i;

	must(sd_bus_message_read(m, "s", &rule), "rule");
	for (i = 0; i < MATCHES; i++) {
		if (!c->matches[i] || strcmp(c->matches[i], rule))
			continue;
		free(c->matches[i]);
		c->matches[i] = NULL;
		break;
	}
	return sd_bus_reply_method_return(m, "");
}

static int answer(struct client *c, sd_bus_message *m, const char *member)
{
	if (!strcmp(member, "Hello"))
		return sd_bus_reply_method_return(m, "s", ":1.7");
	if (!strcmp(member, "AddMatch"))
		return add_match(c, m);
	if (!strcmp(member, "RemoveMatch"))
		return remove_match(c, m);
	if (refusing)
		return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_ACCESS_DENIED,
						  "Rejected send message");
	if (hidden)
		return sd_bus_reply_method_errorf(m,
			SD_BUS_ERROR_SERVICE_UNKNOWN, "no such name");
	if (!strcmp(member, "Subscribe")) {
		c->subscribed = true;
		return sd_bus_reply_method_return(m, "");
	}
	if (!strcmp(member, "ListUnitsByNames"))
		return reply_units(m);
	if (!strcmp(member, "GetUnit") && unloaded)
		return sd_bus_reply_method_errorf(m, SYSTEMD ".NoSuchUnit",
						  "Unit not loaded.");
	if (!strcmp(member, "GetUnit"))
		return sd_bus_reply_method_return(m, "o", UNIT_PATH);
	return reply_main_pid(c, m, sd_bus_message_get_path(m));
}

static int on_message(sd_bus_message *m, void *data, sd_bus_error *unused)
{
	const char *member = sd_bus_message_get_member(m);
	struct client *c = data;
	uint8_t type;

	(void)unused;
	if (sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local",
				     "Disconnected")) {
		sd_bus_close(c->bus);
		c->bus = NULL;
		return 1;
	}
	must(sd_bus_message_get_type(m, &type), "type");
	if (type != SD_BUS_MESSAGE_METHOD_CALL)
		return 0;
	printf("%s\n", member);
	if (!mute)
		must(answer(c, m, member), member);
	return 1;
}

/* -------------------------------------------------------------------- signals */

static bool has_match(const struct client *c, const char *a, const char *b)
{
	int i;

	for (i = 0; i < MATCHES; i++) {
		if (c->matches[i] && strstr(c->matches[i], a) &&
		    strstr(c->matches[i], b))
			return true;
	}
	return false;
}

static void send_signal(struct client *c, sd_bus_message *m, const char *sender)
{
	must(sd_bus_message_set_sender(m, sender), "sender");
	must(sd_bus_send(c->bus, m, NULL), "send");
	sd_bus_message_unref(m);
}

static void send_changed(struct client *c, const char *property)
{
	sd_bus_message *m;

	if (!c->subscribed ||
	    !has_match(c, "member='PropertiesChanged'", UNIT_PATH))
		return;
	must(sd_bus_message_new_signal(c->bus, &m, UNIT_PATH, BUS ".Properties",
				       "PropertiesChanged"), "signal");
	must(sd_bus_message_append(m, "sa{sv}as", SYSTEMD ".Service", 1,
				   property, "u", main_pid, 0), "properties");
	send_signal(c, m, ":1.1");
}

static void send_loaded(struct client *c)
{
	sd_bus_message *m;

	if (!c->subscribed || !has_match(c, "member='UnitNew'", UNIT_PATH))
		return;
	must(sd_bus_message_new_signal(c->bus, &m, MANAGER_PATH,
				       SYSTEMD ".Manager", "UnitNew"), "signal");
	must(sd_bus_message_append(m, "so", "a.service", UNIT_PATH), "unit");
	send_signal(c, m, ":1.1");
}

static void send_owner(struct client *c, const char *old, const char *new)
{
	sd_bus_message *m;

	if (!has_match(c, "member='NameOwnerChanged'", SYSTEMD))
		return;
	must(sd_bus_message_new_signal(c->bus, &m, "/org/freedesktop/DBus", BUS,
				       "NameOwnerChanged"), "signal");
	must(sd_bus_message_append(m, "sss", SYSTEMD, old, new), "owner");
	send_signal(c, m, BUS);
}

static void replace(struct client *c)
{
	char old[16], new[16];

	snprintf(old, sizeof(old), ":1.%d", owner);
	snprintf(new, sizeof(new), ":1.%d", owner + 1);
	c->subscribed = false;
	send_owner(c, old, "");
	send_owner(c, "", new);
}

static void obey(const char *line)
{
	bool loaded, replaced;
	char word[16];
	int i;

	if (sscanf(line, "%15s", word) != 1)
		return;
	unloaded = !strcmp(word, "unloaded");
	if (unloaded)
		main_pid = 0;
	sscanf(line, "%*s %u", &main_pid);
	once = sscanf(line, "pid %*u once %u", &next_pid) == 1;
	sscanf(line, "state %31s", state);
	mute = mute || !strcmp(word, "mute");
	hidden = hidden || !strcmp(word, "hide");
	refusing = refusing || !strcmp(word, "refuse");
	loaded = !strcmp(word, "loaded");
	replaced = !strcmp(word, "replaced");
	for (i = 0; i < CLIENTS; i++) {
		if (!clients[i].bus)
			continue;
		if (!strcmp(word, "touch"))
			send_changed(&clients[i], "StatusErrno");
		else if (!strcmp(word, "pid") || unloaded)
			send_changed(&clients[i], "MainPID");
		else if (loaded)
			send_loaded(&clients[i]);
		else if (replaced)
			replace(&clients[i]);
	}
	owner += replaced;
	printf("obeyed %s", line);
}

/* ---------------------------------------------------------------- connections */

static int on_line(sd_event_source *source, int fd, uint32_t events, void *data)
{
	char line[128];

	(void)fd;
	(void)events;
	(void)data;
	if (fgets(line, sizeof(line), stdin))
		obey(line);
	else
		sd_event_source_unref(source);
	return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events,
			 void *data)
{
	static const sd_id128_t id = SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08,
						   09, 0a, 0b, 0c, 0d, 0e, 0f, 10);
	struct client *c = clients;
	int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)source;
	(void)events;
	(void)data;
	while (c < clients + CLIENTS && c->bus)
		c++;
	if (conn < 0 || c == clients + CLIENTS)
		errx(1, "too many clients");
	memset(c, 0, sizeof(*c));
	must(sd_bus_new(&c->bus), "new");
	must(sd_bus_set_fd(c->bus, conn, conn), "fd");
	must(sd_bus_set_server(c->bus, 1, id), "server");
	must(sd_bus_start(c->bus), "start");
	must(sd_bus_add_filter(c->bus, NULL, on_message, c), "filter");
	must(sd_bus_attach_event(c->bus, loop, 0), "attach");
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc < 2 || strlen(argv[1]) >= sizeof(a.sun_path))
		errx(2, "usage: manager SOCKET [NAME]");
	if (argc > 2)
		other_name = argv[2];
	strcpy(a.sun_path, argv[1]);
	unlink(argv[1]);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 8))
		err(1, "%s", argv[1]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* unbuffered: epoll does not report lines that are in stdio's buffer */
	setvbuf(stdin, NULL, _IONBF, 0);
	must(sd_event_default(&loop), "loop");
	must(sd_event_add_io(loop, NULL, fd, EPOLLIN, on_connection,
			     NULL), "socket");
	must(sd_event_add_io(loop, NULL, 0, EPOLLIN, on_line, NULL), "stdin");
	puts("ready");
	must(sd_event_loop(loop), "loop");
	return 0;
}
