// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/signalconfpid: writing "PID [VALUE [SIGNO]]" sends a signal to the thread PID.
 * The file exists for programs that follow the tutorial. KSIG_IOC_SEND does the same without
 * debugfs.
 */
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "debugfs.h"
#include "signal.h"

/* Large enough for "2147483647 18446744073709551615 64" with extra blanks and the terminator */
#define KSIG_LINE_MAX	64

static struct dentry *ksig_signalconfpid;

/* Parse an int. Accepts only digits, whereas kstrtoint() also accepts "+1" and "1\n". */
static int ksig_parse_int(const char *s, int *res)
{
	if (!isdigit(*s) || strchr(s, '\n'))
		return -EINVAL;
	return kstrtoint(s, 10, res) ? -EINVAL : 0;
}

/* Parse a number from -2^63 to 2^64 - 1. Hexadecimal numbers with 0x can't be negative. */
static int ksig_parse_value(const char *s, u64 *res)
{
	s64 negative;
	int err;

	if (strchr(s, '\n'))
		return -EINVAL;
	if (s[0] == '-' && isdigit(s[1])) {
		err = kstrtos64(s, 10, &negative);
		if (!err)
			*res = negative;
	} else if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		err = kstrtou64(s, 16, res);
	} else if (isdigit(s[0])) {
		err = kstrtou64(s, 10, res);
	} else {
		err = -EINVAL;
	}
	return err ? -EINVAL : 0;
}

static int ksig_parse_signo(const char *s, int *res)
{
	int signo;

	if (ksig_parse_int(s, &signo) || signo < 1 || !valid_signal(signo))
		return -EINVAL;
	*res = signo;
	return 0;
}

/* Copy a parameter without a trailing newline, which sysfs and modprobe may leave in place. */
static int ksig_param_word(const char *arg, char word[KSIG_LINE_MAX])
{
	if (strscpy(word, arg, KSIG_LINE_MAX) < 0)
		return -EINVAL;
	word[strcspn(word, "\n")] = '\0';
	return 0;
}

static int ksig_param_set_value(const char *arg, const struct kernel_param *kp)
{
	char word[KSIG_LINE_MAX];

	if (ksig_param_word(arg, word))
		return -EINVAL;
	return ksig_parse_value(word, kp->arg);
}

static int ksig_param_set_signo(const char *arg, const struct kernel_param *kp)
{
	char word[KSIG_LINE_MAX];

	if (ksig_param_word(arg, word))
		return -EINVAL;
	return ksig_parse_signo(word, kp->arg);
}

static const struct kernel_param_ops ksig_param_value_ops = {
	.set = ksig_param_set_value,
	.get = param_get_ullong,
};

static const struct kernel_param_ops ksig_param_signo_ops = {
	.set = ksig_param_set_signo,
	.get = param_get_int,
};

static u64 ksig_default_value = 1234;
module_param_cb(value, &ksig_param_value_ops, &ksig_default_value, 0644);
__MODULE_PARM_TYPE(value, "ullong");
MODULE_PARM_DESC(value, "value that signalconfpid sends by default (1234)");

static int ksig_default_signo = 44;
module_param_cb(signo, &ksig_param_signo_ops, &ksig_default_signo, 0644);
__MODULE_PARM_TYPE(signo, "int");
MODULE_PARM_DESC(signo, "signal that signalconfpid sends by default (44)");

/* Return: the next word of *line, or NULL. Words are separated by blanks or tabs. */
static char *ksig_next_word(char **line)
{
	char *word;

	do {
		word = strsep(line, " \t");
	} while (word && !*word);
	return word;
}

static ssize_t ksig_signalconfpid_write(struct file *file,
					const char __user *buf, size_t count,
					loff_t *ppos)
{
	u64 value = READ_ONCE(ksig_default_value);
	int signo = READ_ONCE(ksig_default_signo);
	char line[KSIG_LINE_MAX], *rest = line, *word;
	size_t len = count;
	int nr, err;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, buf, len))
		return -EFAULT;

	/* C programs may write the terminating null byte as well, and echo adds a newline */
	if (len && line[len - 1] == '\0')
		len--;
	if (len && line[len - 1] == '\n')
		len--;
	line[len] = '\0';
	if (strlen(line) != len)
		return -EINVAL;

	word = ksig_next_word(&rest);
	if (!word || ksig_parse_int(word, &nr))
		return -EINVAL;
	word = ksig_next_word(&rest);
	if (word && ksig_parse_value(word, &value))
		return -EINVAL;
	word = ksig_next_word(&rest);
	if (word && ksig_parse_signo(word, &signo))
		return -EINVAL;
	if (ksig_next_word(&rest))
		return -EINVAL;
	err = ksig_send(nr, signo, false, value);
	return err ? err : count;
}

static const struct file_operations ksig_signalconfpid_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.write = ksig_signalconfpid_write,
};

/* Errors are ignored. Without debugfs, or under lockdown, the file does not exist. */
void __init ksig_debugfs_init(void)
{
	ksig_signalconfpid = debugfs_create_file("signalconfpid", 0200, NULL,
						 NULL,
						 &ksig_signalconfpid_fops);
}

void ksig_debugfs_exit(void)
{
	debugfs_remove(ksig_signalconfpid);
}
