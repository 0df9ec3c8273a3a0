/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One daemon per state directory and per socket: a lock file, locked as long as the daemon lives.
 * The kernel's lock is what counts; a file left behind by a daemon that died holds nobody off.
 */
#ifndef PLUTON_LOCK_H
#define PLUTON_LOCK_H

#define LOCK_MESSAGE_SIZE 512

/* Held while the descriptor is open. */
struct lock {
	int fd;
};

#define LOCK_NONE ((struct lock){-1})

/* What went wrong: "PATH: what, value, what to do". */
struct lock_error {
	char message[LOCK_MESSAGE_SIZE];
};

/*
 * Makes the directory (mode 0700) if it is missing, and locks it through DIRECTORY/lock.
 * -PLUTON_EBUSY: another process holds it; the message says its pid and command.
 * -PLUTON_EINVAL: it is no directory, or not ours alone to write. -PLUTON_EFAIL: it cannot be made,
 * locked or written: no permission, read-only, full. -PLUTON_ENOMEM.
 */
int lock_state(const char *directory, struct lock *ret, struct lock_error *ret_error);

/*
 * The same for a socket, through PATH.lock; its directory is made (mode 0755) if it is missing.
 * Whoever has the lock may remove a socket that was left behind at PATH.
 */
int lock_socket(const char *path, struct lock *ret, struct lock_error *ret_error);

/* The file stays: removing it would let two daemons lock two files of the same name. */
void lock_release(struct lock *lock);

#endif
