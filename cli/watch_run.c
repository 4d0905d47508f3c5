// SPDX-License-Identifier: MIT
/* ksig watch: runs a command for an event. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "watch.h"

/* --------------------------------------------------------- checking the command */

/* Returns 0 or an errno. A file without "#!" is accepted, because the shell can run it. */
static int check_file(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) ? errno : 0;
}

int ksig_run_check(const char *name)
{
	const char *path = getenv("PATH"), *end;
	bool has_path = strchr(name, '/');
	int err = ENOENT, found;
	char file[PATH_MAX];

	/* the default of the C library */
	if (!path)
		path = "/bin:/usr/bin";
	if (has_path)
		err = check_file(name);
	/* as in execvp(3), a file that is not executable does not end the search */
	for (; *name && !has_path && err; path = end + 1) {
		end = strchrnul(path, ':');
		if (snprintf(file, sizeof(file), "%.*s%s%s", (int)(end - path),
			     path, end == path ? "" : "/", name) <
		    (int)sizeof(file)) {
			found = check_file(file);
			if (found != ENOENT && found != ENOTDIR)
				err = found;
		}
		if (!*end)
			break;
	}
	if (!err)
		return KSIG_DONE;
	if (err == ENOENT && !has_path)
		ksig_error("cannot run '%s': no such command in PATH", name);
	else if (err == EACCES)
		ksig_error("cannot run '%s': not executable, or not permitted (see 'chmod +x')",
			   name);
	else
		ksig_error("cannot run '%s': %s", name, strerror(err));
	return KSIG_USAGE;
}

/* ------------------------------------------------------------ the environment */

static int set_field(const char *key, const struct ksig_field *f)
{
	char name[80] = "KSIG_", number[24];
	size_t i = 5;

	for (; *key && i < sizeof(name) - 1; key++)
		name[i++] = isalnum((unsigned char)*key) ?
			    toupper((unsigned char)*key) : '_';
	/* remove a variable of the same name that this process may have inherited */
	if (!f->known)
		return unsetenv(name);
	if (f->type == KSIG_FIELD_STRING)
		return setenv(name, f->str, 1);
	if (f->type == KSIG_FIELD_SIGNED)
		snprintf(number, sizeof(number), "%" PRId64, f->s);
	else
		snprintf(number, sizeof(number), "%" PRIu64, f->u);
	return setenv(name, number, 1);
}

static int set_number(const char *name, uint64_t n)
{
	char number[24];

	snprintf(number, sizeof(number), "%" PRIu64, n);
	return setenv(name, number, 1);
}

/*
 * Runs the command in the child, with the event in its environment and in its arguments. Variables
 * that all events have in common are set last, so that a field of the same name does not override
 * them. If the command cannot be run, the errno is written to @fd, which is closed on exec.
 */
static void run_child(char *const *argv, const struct ksig_happening *h, int fd)
{
	const struct ksig_field subject = {
		.type = KSIG_FIELD_UNSIGNED, .u = h->ev->subject,
		.known = !(h->ev->flags & KSIG_EVENT_NO_SUBJECT),
	};
	struct ksig_field f = { .sz = sizeof(f) }, value = { .sz = sizeof(value) };
	unsigned int spec = ksig_event_spec(h->ev), i;
	const sigset_t *mask = ksig_children_mask();
	char **expanded;
	size_t n = 1;
	int err = 0;

	if (mask)
		sigprocmask(SIG_SETMASK, mask, NULL);
	ksig_happening_value(h, &value);
	for (i = 0; !err && !ksig_event_field(h->sub, h->ev, i, &f); i++)
		err = set_field(f.name, &f);
	if (!err)
		err = set_field("subject", &subject);
	if (!err)
		err = set_field("value", &value);
	if (!err)
		err = set_number("KSIG_LOST", h->lost);
	if (!err)
		err = set_number("KSIG_MERGED", h->merged);
	if (!err)
		err = set_number("KSIG_INITIAL", !!(h->ev->flags & KSIG_EVENT_INITIAL));
	if (!err)
		err = setenv("KSIG_PROVIDER", ksig_sub_provider(h->sub, spec), 1);
	if (!err)
		err = setenv("KSIG_EVENT", ksig_sub_event(h->sub, spec), 1);
	while (argv[n])
		n++;
	expanded = err ? NULL : calloc(n + 1, sizeof(*expanded));
	for (i = 0; expanded && !err && i < n; i++) {
		expanded[i] = i ? ksig_template_expand(argv[i], h, false) : argv[0];
		err = expanded[i] ? 0 : -1;
	}
	if (expanded && !err)
		execvp(expanded[0], expanded);
	err = errno;
	if (write(fd, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

int ksig_run(char *const *argv, const struct ksig_happening *h, pid_t *pid)
{
	int fds[2], fd, err = 0;
	ssize_t len;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	*pid = fork();
	if (*pid < 0) {
		err = errno;
		close(fds[0]);
		close(fds[1]);
		return -err;
	}
	if (!*pid)
		run_child(argv, h, fds[1]);
	ksig_child_begun(*pid);
	close(fds[1]);
	/* the errno of the child, or end-of-file if exec succeeded */
	do {
		len = read(fds[0], &err, sizeof(err));
	} while (len < 0 && errno == EINTR);
	if (len != sizeof(err))
		err = 0;
	close(fds[0]);
	/* the child has not been reaped, so its pid cannot have been reused */
	fd = err ? -1 : syscall(SYS_pidfd_open, *pid, 0);
	if (fd >= 0)
		return fd;
	if (!err)
		err = errno;
	waitpid(*pid, NULL, 0);
	return -err;
}
