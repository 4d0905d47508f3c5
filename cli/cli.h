/* SPDX-License-Identifier: MIT */
/* Declarations shared by the commands of ksig. */
#ifndef KSIG_CLI_H
#define KSIG_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <ksig/libksig.h>

struct ksig_status;

/* Exit codes of all commands */
enum {
	KSIG_DONE = 0,
	KSIG_FAILED = 1,
	KSIG_USAGE = 2,
	KSIG_TIMED_OUT = 3,
	KSIG_TARGET_GONE = 4,
	KSIG_NOT_HERE = 5,
};

#define KSIG_SIGNO_DEFAULT 44
#define KSIG_VALUE_DEFAULT 1234

struct ksig_command {
	const char *name;
	const char *summary;
	const char *help;
	int (*run)(int argc, char **argv);
};

extern const struct ksig_command ksig_cmd_doctor;
extern const struct ksig_command ksig_cmd_emit;
extern const struct ksig_command ksig_cmd_events;
extern const struct ksig_command ksig_cmd_listen;
extern const struct ksig_command ksig_cmd_send;
extern const struct ksig_command ksig_cmd_status;
extern const struct ksig_command ksig_cmd_watch;

/* ksig.c: output common to all commands; functions that return int return an exit code */
int ksig_help(const struct ksig_command *cmd);
/* Prints an error and refers to --help. @fmt is NULL if the error has already been printed. */
int ksig_usage(const struct ksig_command *cmd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int ksig_bad_signo(const char *s);
int ksig_bad_value(const char *s);
int ksig_flush(void);
void ksig_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Like ksig_error(), but for messages that are not errors. Prints nothing after ksig_be_quiet(). */
void ksig_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void ksig_be_quiet(void);
bool ksig_is_quiet(void);

/* parse.c: return 0; -EINVAL if @s is invalid, with *@res unchanged */
int ksig_parse_pid(const char *s, pid_t *res);
int ksig_parse_count(const char *s, uint64_t *res);
int ksig_parse_value(const char *s, uint64_t *res);
int ksig_parse_signo(const char *s, int *res);
int ksig_parse_time(const char *s, int64_t *ns);

/* parse.c: returns a name such as "HUP" or "RTMIN+10", stored in @buf */
#define KSIG_SIGNAME_MAX 16
const char *ksig_signal_name(int signo, char buf[KSIG_SIGNAME_MAX]);

/*
 * text.c: write a string with '?' in place of characters that could control the terminal, or print
 * it as a JSON string
 */
void ksig_write_plain(FILE *out, const char *s);
void ksig_print_plain(const char *s);
void ksig_print_quoted(const char *s);

/* control.c: returns an exit code; on failure the reason has been printed */
int ksig_node_open(const char *path, int flags, int *fd);
/*
 * Sends a signal, with the flags of ksig_send(). Prints on stderr how the signal was sent, and
 * stores the name of that method in *@by. Returns an exit code; on failure the reason has been
 * printed.
 */
int ksig_send_now(pid_t pid, int signo, uint64_t value, unsigned int flags,
		  const char **by);
/* Adds the KSIG_SEND_BY() flag of "module" or "caller". Return: 0 or -EINVAL. */
int ksig_parse_way(const char *s, unsigned int *flags);

/* suggest.c: appends the event that was probably meant to @text, an error about @event */
void ksig_suggest(const char *event, char *text, size_t size);

/* status_read.c: returns 0; -ENOENT if @path is not a status; another -errno */
int ksig_status_read(const char *path, struct ksig_status *s);

#endif /* KSIG_CLI_H */
