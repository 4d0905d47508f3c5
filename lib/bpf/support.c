// SPDX-License-Identifier: MIT
/*
 * Handles libbpf's messages and the kernel's errors, and checks whether BPF programs can be loaded
 * at all.
 *
 * libbpf has one log function for the whole process, which is replaced at first use. Messages that
 * libbpf prints during a call on a subscription go to that subscription's log. All other messages
 * go to the previous log function.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf.h"

/* The oldest tested kernel */
#define OLDEST "6.1"

/* --------------------------------------------------------- libbpf's messages */

/* The current call in this thread: options of its subscription, and libbpf's last message */
static __thread struct {
	bool inside;
	const struct ksig_sub_opts *opts;
	char last[128];
} here;

static libbpf_print_fn_t previous_print;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int support_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[1024];

	if (!here.inside)
		return previous_print ? previous_print(level, fmt, ap) : 0;
	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	snprintf(here.last, sizeof(here.last), "%.*s",
		 (int)sizeof(here.last) - 1, line);
	if (here.opts && here.opts->log)
		here.opts->log(here.opts->log_ctx, line);
	return 0;
}

static void support_set_print(void)
{
	previous_print = libbpf_set_print(support_print);
}

void ksig_libbpf_enter(const struct ksig_sub_opts *opts)
{
	pthread_once(&once, support_set_print);
	here.inside = true;
	here.opts = opts;
	here.last[0] = '\0';
}

void ksig_libbpf_leave(void)
{
	here.inside = false;
	here.opts = NULL;
}

/* ------------------------------------------------- why a program was refused */

bool ksig_bpf_has_cap(unsigned int cap)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { };

	return !syscall(SYS_capget, &head, data) &&
	       data[cap / 32].effective >> cap % 32 & 1;
}

/*
 * Reads the first line of a file, or "" if the file is empty.
 * Return: false if the file cannot be opened.
 */
static bool support_read_line(const char *path, char line[128])
{
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	if (!fgets(line, 128, f))
		*line = '\0';
	fclose(f);
	return true;
}

int ksig_bpf_refused(int err, struct ksig_error *e)
{
	unsigned long first, outside, count;
	struct utsname u;
	char line[128];

	if (err == EPERM || err == EACCES) {
		if (!ksig_bpf_has_cap(CAP_SYS_ADMIN) &&
		    (!ksig_bpf_has_cap(CAP_BPF) || !ksig_bpf_has_cap(CAP_PERFMON)))
			return ksig_fail(e, 0, err,
					 "needs root or CAP_BPF+CAP_PERFMON (%s missing)",
					 ksig_bpf_has_cap(CAP_BPF) ? "CAP_PERFMON is" :
					 ksig_bpf_has_cap(CAP_PERFMON) ? "CAP_BPF is" :
					 "both are");
		/*
		 * The file is empty until the namespace's mapping is set. The initial user
		 * namespace maps all IDs to themselves.
		 */
		if (support_read_line("/proc/self/uid_map", line) &&
		    (sscanf(line, "%lu %lu %lu", &first, &outside, &count) != 3 ||
		     first || outside || count != 4294967295))
			return ksig_fail(e, 0, err,
					 "BPF programs can only be loaded from the initial user namespace: run ksig outside the container");
		return ksig_fail(e, 0, err,
				 "bpf(2) is forbidden (%s) by a seccomp filter or a security module: allow it in the settings of the container or service",
				 strerror(err));
	}
	/* in this mode BPF programs are not permitted to read kernel memory */
	if (support_read_line("/sys/kernel/security/lockdown", line) &&
	    strstr(line, "[confidentiality]"))
		return ksig_fail(e, 0, EPERM,
				 "kernel lockdown (confidentiality) prevents BPF programs from reading kernel memory: boot with lockdown=integrity or without");
	if (err == ENOSYS)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "this kernel has no bpf(2): needs CONFIG_BPF_SYSCALL");
	if (err == ENOMEM || err == EMFILE || err == ENFILE)
		return ksig_fail(e, 0, err, "cannot load a BPF program: %s",
				 strerror(err));
	uname(&u);
	return ksig_fail(e, 0, EOPNOTSUPP,
			 "this kernel (%.32s) rejects the BPF program: it needs Linux " OLDEST
			 "; %.128s", u.release,
			 *here.last ? here.last : strerror(err));
}

/* Loads a program that reads kernel memory, as the programs of ksig.bpf.c do. */
int ksig_bpf_try(struct ksig_error *e)
{
	static const struct bpf_insn insns[] = {
		/* r1 = r10 - 8; r2 = 8; r3 = 0; bpf_probe_read_kernel() */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1,
		  .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL,
		  .imm = BPF_FUNC_probe_read_kernel },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd;

	fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "ksig_probe", "GPL",
			   insns, ARRAY_SIZE(insns), NULL);
	if (fd < 0)
		return ksig_bpf_refused(-fd, e);
	close(fd);
	return 0;
}
