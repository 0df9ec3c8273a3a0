/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The permanent state as bytes: the TPM library's blob behind a header that says which TPM's it is,
 * and how many have been stored before it. It is the whole of the nvmem area "permanent".
 *
 * The rule a newcomer would break first: nothing is ever written over an image that was refused.
 */
#ifndef PLUTON_TPMD_PERMANENT_H
#define PLUTON_TPMD_PERMANENT_H

#include <stddef.h>
#include <stdint.h>

#define PERMANENT_AREA "permanent"   /* its name in nvmem */
#define PERMANENT_HEADER_SIZE 96u    /* bytes */
#define PERMANENT_MAX (512u * 1024u) /* bytes, header included; libtpms needs up to 150 kB */
#define PERMANENT_LINEAGE_SIZE 16u
#define PERMANENT_DIGEST_SIZE 32u /* SHA-256 */

struct permanent {
	uint64_t generation;			 /* one more with every store */
	uint64_t manufactured;			 /* seconds since 1970 */
	uint8_t lineage[PERMANENT_LINEAGE_SIZE]; /* random, made at manufacture */
	uint8_t digest[PERMANENT_DIGEST_SIZE];	 /* over everything else */
	uint32_t length;			 /* bytes of the blob */
};

/*
 * Writes the header in front of the blob that already lies at image + PERMANENT_HEADER_SIZE, and
 * fills in permanent->digest. Returns the image's size.
 */
size_t permanent_seal(uint8_t *image, struct permanent *permanent);

/*
 * -PLUTON_ENOSUPPORT: the format of a newer Pluton. -PLUTON_EINVAL: not an image, or damaged.
 * *ret_why (static text) says what is wrong.
 */
int permanent_open(const uint8_t *image, size_t size, struct permanent *ret, const char **ret_why);

/* The size that an image's header gives itself, at most PERMANENT_MAX; nothing of it is checked. */
size_t permanent_size(const uint8_t image[PERMANENT_HEADER_SIZE]);

/* The generation of an image that permanent_open took. */
uint64_t permanent_generation(const uint8_t image[PERMANENT_HEADER_SIZE]);

#endif
