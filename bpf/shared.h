/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Settings of ksig.bpf.c. lib/bpf/load.c sets them before it loads the programs. The verifier
 * treats them as constants and removes the code that a subscription does not need.
 */
#ifndef KSIG_SHARED_H
#define KSIG_SHARED_H

#include <linux/types.h>

#define KSIG_BPF_CONDS		8
#define KSIG_BPF_TEXT		64
#define KSIG_BPF_STRINGS	8
/* Maximum size of a string of variable length in a tracepoint */
#define KSIG_BPF_STRING		256
/* Maximum record size of events other than trace.* */
#define KSIG_BPF_RECORD		128
/* Maximum number of ancestors to follow */
#define KSIG_BPF_ANCESTORS	64

/* Same values as KSIG_EVENT_SIGNALLED and KSIG_EVENT_REFUSED in libksig.h */
#define KSIG_BPF_SIGNALLED	(1U << 30)
#define KSIG_BPF_REFUSED	(1U << 31)

/* Operand of a condition */
enum ksig_bpf_operand {
	KSIG_BPF_NUMBER,	/* a number in the record or in the tracepoint's entry */
	KSIG_BPF_TEXT_AT,	/* a string in the record or in the entry */
	KSIG_BPF_TEXT_LOC,	/* a string whose location is given by a word in the entry */
	KSIG_BPF_CURRENT_PID,
	KSIG_BPF_CURRENT_COMM,
};

/**
 * struct ksig_bpf_cond - a condition of the filter
 * @source: operand, enum ksig_bpf_operand
 * @size: 1, 2, 4 or 8 for a number; maximum size of a string, including the terminator
 * @is_signed: the number is signed
 * @negate: invert the result
 * @relative: for KSIG_BPF_TEXT_LOC, the offset of the string is relative to the end of the word
 * @offset: offset of the number, string or word
 * @mask: if not 0, the number must have at least one of these bits, and @low and @span are ignored
 * @bias: mask that is XORed with numbers, so that they can be compared as unsigned
 * @low: minimum, with @bias applied
 * @span: maximum minus @low
 * @text: the string, padded with zeros
 */
struct ksig_bpf_cond {
	__u32 source;
	__u32 size;
	__u32 is_signed;
	__u32 negate;
	__u32 relative;
	__u32 offset;
	__u64 mask;
	__u64 bias;
	__u64 low;
	__u64 span;
	char text[KSIG_BPF_TEXT];
};

/**
 * struct ksig_bpf_string - a string of variable length in a tracepoint
 * @loc: offset in the entry of the word that gives the location of the string
 * @relative: as in struct ksig_bpf_cond
 * @to: offset in the record
 * @size: maximum size in the record
 */
struct ksig_bpf_string {
	__u32 loc;
	__u32 relative;
	__u32 to;
	__u32 size;
};

#endif /* KSIG_SHARED_H */
