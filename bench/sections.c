/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads ELF section headers of relocatable objects of this machine's own kind (elf(5)).
 */
#include "bench/sections.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/program.h"

typedef ElfW(Ehdr) elf_header;
typedef ElfW(Shdr) elf_section;

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void add_section(struct sections *sections, const char *name, const elf_section *section)
{
	size_t *kind = &sections->other;

	if (!(section->sh_flags & SHF_ALLOC))
		return;
	if (section->sh_flags & SHF_EXECINSTR)
		kind = &sections->text;
	else if (section->sh_type == SHT_NOBITS)
		kind = &sections->bss;
	else if (begins(name, ".rodata") || begins(name, ".data.rel.ro"))
		kind = &sections->rodata;
	else if (section->sh_flags & SHF_WRITE)
		kind = &sections->data;
	*kind += section->sh_size;
}

/* We made these files a moment ago: only what another kind of file would break is checked. */
static void add_image(struct sections *sections, const char *path, const unsigned char *image,
		      size_t size)
{
	const elf_header *header = (const void *)image;
	const elf_section *table, *names;

	if (size < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
	    header->e_type != ET_REL || header->e_shentsize != sizeof(elf_section) ||
	    header->e_shoff > size ||
	    header->e_shnum > (size - header->e_shoff) / sizeof(elf_section) ||
	    header->e_shstrndx >= header->e_shnum)
		program_fail("%s: no object file (of link-time optimisation?)", path);
	table = (const void *)(image + header->e_shoff);
	names = &table[header->e_shstrndx];
	for (size_t i = 0; i < header->e_shnum; i++)
		add_section(sections, (const char *)image + names->sh_offset + table[i].sh_name,
			    &table[i]);
	sections->objects++;
}

static void add_object(struct sections *sections, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *image = MAP_FAILED;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED)
		program_fail("%s: %s", path, strerror(errno));
	add_image(sections, path, image, (size_t)st.st_size);
	munmap(image, (size_t)st.st_size);
	close(fd);
}

/* "libkernel_la-arena.o" to "arena". NULL: no object, or its source is gone. */
static char *source_of(const char *folder, const char *object)
{
	const char *tail = strstr(object, "_la-");
	const char *end = strrchr(object, '.');
	char *name = NULL, *path = NULL;

	if (!end || strcmp(end, ".o") != 0)
		return NULL;
	tail = tail ? tail + strlen("_la-") : object;
	if (asprintf(&name, "%.*s", (int)(end - tail), tail) < 0 ||
	    asprintf(&path, SOURCE_FOLDER "/%s/%s.c", folder, name) < 0)
		program_fail("no memory");
	if (access(path, F_OK) < 0) {
		free(name);
		name = NULL;
	}
	free(path);
	return name;
}

void sections_add_folder(struct sections *sections, const char *folder, const char *prefix)
{
	char *objects, *path;
	struct dirent *entry;
	DIR *stream;

	if (asprintf(&objects, BUILD_FOLDER "/%s/.libs", folder) < 0)
		program_fail("no memory");
	stream = opendir(objects);
	if (!stream)
		program_fail("%s: %s: make", objects, strerror(errno));
	while ((entry = readdir(stream))) {
		char *source = source_of(folder, entry->d_name);

		if (source && begins(source, prefix)) {
			if (asprintf(&path, "%s/%s", objects, entry->d_name) < 0)
				program_fail("no memory");
			add_object(sections, path);
			free(path);
		}
		free(source);
	}
	closedir(stream);
	free(objects);
}

void sections_add(struct sections *sections, const struct sections *more)
{
	sections->objects += more->objects;
	sections->text += more->text;
	sections->rodata += more->rodata;
	sections->data += more->data;
	sections->bss += more->bss;
	sections->other += more->other;
}

size_t sections_total(const struct sections *sections)
{
	return sections->text + sections->rodata + sections->data + sections->bss + sections->other;
}
