/* SPDX-License-Identifier: GPL-2.0-only */
/* File operations of the nodes below /dev/ksig. */
#ifndef KSIG_CHARDEV_H
#define KSIG_CHARDEV_H

struct file_operations;

extern const struct file_operations ksig_chan_fops;
int ksig_chardev_init(void);
void ksig_chardev_exit(void);

#endif /* KSIG_CHARDEV_H */
