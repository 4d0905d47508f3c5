/* SPDX-License-Identifier: MIT */
#ifndef KSIG_VERSION_H
#define KSIG_VERSION_H

/*
 * The only definition of the version. NEWS.md has a section for it. The major version is also
 * the version of the library's soname.
 */
#define KSIG_VERSION "0.2.0"

#endif
