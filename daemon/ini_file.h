/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ini file, line by line, as plutond.conf and app.d have it. inih splits the lines; what stands
 * here is that no message loses its line, and that nothing is cut off without a word.
 */
#ifndef PLUTON_INI_FILE_H
#define PLUTON_INI_FILE_H

#define INI_PROBLEM_SIZE 256

/* What is wrong with a file: "what, value, what to do". */
struct ini_problem {
	unsigned line; /* 0: the file as a whole */
	char text[INI_PROBLEM_SIZE];
};

/* One KEY = VALUE. A negative answer ends the reading, and is what ini_file_read returns. */
typedef int (*ini_file_fn)(void *context, const char *section, const char *key, const char *value,
			   unsigned line);

/*
 * 0: read to the end. -PLUTON_ENODEVICE (there is no such file) and -PLUTON_EINVAL (not to be read,
 * or a line that is neither) with *ret_problem; -PLUTON_ENOMEM; or what fn answered.
 */
int ini_file_read(const char *path, ini_file_fn fn, void *context, struct ini_problem *ret_problem);

/* The same of a file that is open already, and stays so. */
int ini_file_read_open(int fd, ini_file_fn fn, void *context, struct ini_problem *ret_problem);

#endif
